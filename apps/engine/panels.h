#pragma once
#include <filesystem>

#include "apps/engine/checkpoint.h"
#include "data/dataset.h"

namespace pixelgrad {

/// `count` images spread evenly over the data set, or all where there are fewer.
std::vector<Sample> spread_samples(const Dataset& dataset, int64_t count);

/// RGB pictures in rows, with a little white between them; each column has the width of its widest
/// picture.
Image picture_grid(const std::vector<std::vector<Image>>& rows);

/// Writes a PNG with a row photo | truth | prediction for each of `count` images spread evenly over
/// the data set: labels in their classes' colours, or what the network is to paint, and paints.
void write_panels(const std::filesystem::path& path, SegmentationModel& model,
                  const Dataset& dataset, const ModelCard& info, int64_t count);

/// The classes of one photo of any size.
LabelMap predict_labels(SegmentationModel& model, const Normalization& normalization,
                        const Image& photo);

}  // namespace pixelgrad

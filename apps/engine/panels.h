#pragma once
#include <filesystem>

#include "apps/engine/checkpoint.h"
#include "data/dataset.h"

namespace pixelgrad {

/// A row of the picture: photo | truth | prediction, the labels in their classes' colours.
Image panel(const Image& photo, const LabelMap& truth, const LabelMap& prediction,
            const std::vector<ClassInfo>& classes);

/// Writes a PNG with one panel for each of `count` images spread evenly over the data set.
void write_panels(const std::filesystem::path& path, SegmentationModel& model,
                  const Dataset& dataset, const ModelCard& info, int64_t count);

/// The classes of one photo of any size.
LabelMap predict_labels(SegmentationModel& model, const Normalization& normalization,
                        const Image& photo);

}  // namespace pixelgrad

#pragma once
#include <vector>

#include "data/nearest_color.h"
#include "data/normalize.h"
#include "data/palette.h"
#include "models/model.h"

// Networks that paint the label instead of naming classes: three outputs that, through a sigmoid,
// are red, green and blue of the label as a picture.
namespace pixelgrad {

/// Channels of what such a network puts out.
inline constexpr int64_t painted_channels = 3;

/// The mean squared error between what is painted, sigmoid(logits), and targets [N,H,W,3], 0 to 1;
/// that of an auxiliary head is added with its weight. Of larger logits the top left H x W count.
Tensor painting_loss(const ModelOutput& out, const Tensor& targets);

/// Pictures for images of any size. [N,H,W,C] -> [N,H,W,3], 0 to 1
Tensor paint(SegmentationModel& model, const Tensor& images);

/// What the network paints for one photo of any size, as 8-bit RGB.
Image paint_picture(SegmentationModel& model, const Normalization& normalization,
                    const Image& photo);

/// A painted picture [1,H,W,3], 0 to 1, as 8-bit RGB.
Image to_picture(const Tensor& painted);

/// From painted colours to classes: that of the nearest colour, however far. Classes that are not
/// scored are never named; of two with one colour the first is.
NearestColors painted_classes(const std::vector<ClassInfo>& classes);

/// The classes of a picture.
LabelMap classes_of(const Image& picture, const NearestColors& colors);

/// Peak signal-to-noise ratio in dB of values between 0 and 1: 10 log10(1 / mse).
double psnr(double mse);

}  // namespace pixelgrad

#pragma once
#include <map>
#include <string>

#include "data/image.h"
#include "data/normalize.h"
#include "tensor/tensor.h"

// How photos become the input of a classifier for ImageNet.
namespace pixelgrad {

/// The pixel scaling that a weight file's metadata ask for. "input" reads like "RGB in 0..255 minus
/// mean 123.68,116.779,103.939, divided by 1", with one divisor or three; without it the scaling is
/// torchvision's (Normalization::imagenet). Throws CheckpointError for any other text.
Normalization classifier_scaling(const std::map<std::string, std::string>& metadata);

/// The middle of an RGB image: its shorter side is resized to 256 pixels (resize_image; the longer
/// side is rounded down), and 224 x 224 pixels are cut from the centre, an odd rest halved to the
/// even number. This is torchvision's Resize(256) and CenterCrop(224) on a Pillow image, but for
/// rounding in the resize. Throws DataError where one side is more than 64 times the other.
Image classifier_crop(const Image& image);

/// [1,224,224,3] of f32.
Tensor classifier_input(const Image& image, const Normalization& scaling);

}  // namespace pixelgrad

#pragma once
#include <cstdint>
#include <functional>

#include "tensor/tensor.h"

namespace pixelgrad {

/// A pixel of an image or of a map of features; row 0 is at the top.
struct PixelPosition {
  int64_t y = 0, x = 0;
  bool operator==(const PixelPosition&) const = default;
};

/// Rows top to top + height - 1, columns left to left + width - 1 of an image.
struct PixelBox {
  int64_t top = 0, left = 0, height = 0, width = 0;
  bool operator==(const PixelBox&) const = default;
};

/// From images [N,H,W,C] to values [N,h,w,K]: a network, a part of one, or some layers in a row.
using ImageFunction = std::function<Tensor(const Tensor& images)>;

/// The theoretical receptive field of one pixel of what `network` puts out for an image
/// [1,H,W,C]: a box of the image that holds every pixel which that one can depend on. Found by
/// asking each op, from the output back to the image, where it reads (Trace); nothing is computed.
///
/// summarize() gives the extent as if there were no borders. This gives the place, too, and ends at
/// the borders: padding holds nothing that could be seen. A path that pools the whole image makes
/// it the whole image. Throws Error where `network` does, for a pixel that there is not, for an op
/// that does not say where it reads, and where nothing of the image is read.
PixelBox receptive_box(const ImageFunction& network, const Shape& image, PixelPosition output,
                       Dtype dtype = Dtype::f32);

}  // namespace pixelgrad

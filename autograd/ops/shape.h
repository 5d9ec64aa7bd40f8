#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

/// The same values under another shape of as many elements; shares x's storage.
Tensor reshape(const Tensor& x, const Shape& shape);

/// The window of `height` x `width` pixels whose upper left pixel is (top, left): [N,H,W,C] ->
/// [N,height,width,C]. It must lie inside the image. Keeps nothing.
Tensor crop2d(const Tensor& x, int64_t top, int64_t left, int64_t height, int64_t width);

/// crop2d around the centre, as U-Net crops its skips; the extra pixel of an odd margin goes to the
/// bottom and the right.
Tensor center_crop2d(const Tensor& x, int64_t height, int64_t width);

}  // namespace pixelgrad

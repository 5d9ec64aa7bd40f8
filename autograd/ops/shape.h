#pragma once
#include <vector>

#include "autograd/graph.h"

// Ops that move values and compute nothing. They keep nothing for the backward.
namespace pixelgrad {

/// The same values under another shape of as many elements; shares x's storage.
Tensor reshape(const Tensor& x, const Shape& shape);

/// Dimension k of the result is dimension axes[k] of x: permute(x, {0, 3, 1, 2}) turns NHWC into
/// NCHW. `axes` names each dimension once; negative ones count from the back. At most 8 dimensions.
Tensor permute(const Tensor& x, const std::vector<int>& axes);

/// Indices start, start + step, ... of one axis, as far as they are less than stop. A negative
/// axis, start or stop counts from the back; step is at least 1. The range must lie inside x and
/// hold at least one index.
Tensor slice(const Tensor& x, int axis, int64_t start, int64_t stop, int64_t step = 1);

/// The window of `height` x `width` pixels whose upper left pixel is (top, left): [N,H,W,C] ->
/// [N,height,width,C]. It must lie inside the image.
Tensor crop2d(const Tensor& x, int64_t top, int64_t left, int64_t height, int64_t width);

/// crop2d around the centre, as U-Net crops its skips; the extra pixel of an odd margin goes to the
/// bottom and the right.
Tensor center_crop2d(const Tensor& x, int64_t height, int64_t width);

/// Trades channels for pixels (Shi et al. 2016, "Real-time single image and video super-resolution
/// using an efficient sub-pixel convolutional neural network"): [N,H,W,C r r] -> [N,H r,W r,C].
/// Pixel (y r + i, x r + j) of channel c comes from channel c r r + i r + j of pixel (y, x): the
/// order of PyTorch's pixel_shuffle, not that of TensorFlow's depth_to_space.
Tensor pixel_shuffle(const Tensor& x, int64_t upscale_factor);

}  // namespace pixelgrad

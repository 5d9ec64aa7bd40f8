#pragma once
#include "autograd/graph.h"
#include "autograd/ops/padding.h"

namespace pixelgrad {

struct MaxPool2dSpec {
  int64_t kernel_size = 2;
  int64_t stride = 0;   ///< 0: kernel_size
  Padding padding = 0;  ///< on every side, at most kernel_size / 2; or Padding::same
  int64_t dilation = 1;
  bool ceil_mode = false;  ///< a last window that runs over the edge counts; not with same
};

/// Largest value of each window: [N,H,W,C] -> [N,Ho,Wo,C], Ho = floor((H + 2 padding - dilation
/// (kernel_size - 1) - 1) / stride) + 1. With ceil_mode it is rounded up, but the last window must
/// begin inside the image or the padding before it, as in PyTorch; with Padding::same Ho = ceil(H /
/// stride), as in Keras and TensorFlow. Padding never wins. Of equal values the first in reading
/// order gets the gradient; a NaN wins. Keeps one byte per output value (four where the kernel has
/// more than 256 taps).
Tensor max_pool2d(const Tensor& x, const MaxPool2dSpec& spec = {});

struct AvgPool2dSpec {
  int64_t kernel_size = 2;
  int64_t stride = 0;      ///< 0: kernel_size
  Padding padding = 0;     ///< on every side, at most kernel_size / 2; or Padding::same
  bool ceil_mode = false;  ///< a last window that runs over the edge counts; not with same
  /// Divide by the window's pixels inside the padded image, else by those inside the image: Keras
  /// and TensorFlow, which never count padding.
  bool count_include_pad = true;
};

/// Mean of each window: [N,H,W,C] -> [N,Ho,Wo,C], sizes as max_pool2d. What ceil_mode lets a window
/// have beyond the padding is not counted. Keeps nothing.
Tensor avg_pool2d(const Tensor& x, const AvgPool2dSpec& spec = {});

/// Mean of each of out_h x out_w bins: [N,H,W,C] -> [N,out_h,out_w,C], larger or smaller. Bin i of
/// an axis holds pixels floor(i H / out_h) to ceil((i + 1) H / out_h) - 1, as in PyTorch: bins may
/// overlap by a pixel. Pyramid pooling (Zhao et al. 2017, "Pyramid scene parsing network") takes 1,
/// 2, 3 and 6. Keeps nothing.
Tensor adaptive_avg_pool2d(const Tensor& x, int64_t out_h, int64_t out_w);

/// Largest value of each bin of adaptive_avg_pool2d; ties, NaN and what is kept as max_pool2d, by
/// the size of the largest bin.
Tensor adaptive_max_pool2d(const Tensor& x, int64_t out_h, int64_t out_w);

/// Mean of each channel of each image: [N,H,W,C] -> [N,1,1,C]. Keeps nothing.
Tensor global_avg_pool2d(const Tensor& x);

/// Largest value of each channel of each image: [N,H,W,C] -> [N,1,1,C]. Keeps four bytes per output
/// value (one for images of up to 256 pixels).
Tensor global_max_pool2d(const Tensor& x);

}  // namespace pixelgrad

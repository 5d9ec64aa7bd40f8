#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

struct MaxPool2dSpec {
  int64_t kernel_size = 2;
  int64_t stride = 0;   ///< 0: kernel_size
  int64_t padding = 0;  ///< on every side; at most kernel_size / 2
  int64_t dilation = 1;
};

/// Largest value of each window: [N,H,W,C] -> [N,Ho,Wo,C], Ho = floor((H + 2 padding - dilation
/// (kernel_size - 1) - 1) / stride) + 1, as PyTorch's without ceil_mode. Padding never wins. Of
/// equal values the first in reading order gets the gradient; a NaN wins. Keeps one byte per output
/// value (four where the kernel has more than 256 taps).
Tensor max_pool2d(const Tensor& x, const MaxPool2dSpec& spec = {});

struct AvgPool2dSpec {
  int64_t kernel_size = 2;
  int64_t stride = 0;   ///< 0: kernel_size
  int64_t padding = 0;  ///< on every side; at most kernel_size / 2
  bool count_include_pad =
      true;  ///< divide by the whole window, else by its pixels inside the image
};

/// Mean of each window: [N,H,W,C] -> [N,Ho,Wo,C], sizes as max_pool2d. Keeps nothing.
Tensor avg_pool2d(const Tensor& x, const AvgPool2dSpec& spec = {});

}  // namespace pixelgrad

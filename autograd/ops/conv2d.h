#pragma once
#include <cstdint>
#include <vector>

#include "autograd/ops/padding.h"
#include "tensor/tensor.h"

namespace pixelgrad {

/// Settings of a convolution; each holds for height and width.
struct Conv2dSpec {
  int64_t stride = 1;
  Padding padding = 0;   ///< zeros added on each side, or Padding::same
  int64_t dilation = 1;  ///< pixels from one tap to the next; 1 is a dense kernel
  int64_t groups = 1;    ///< channels are cut into groups that do not see each other
};

/// 2-d convolution (cross-correlation, as in all deep-learning frameworks).
/// x [N,H,W,Cin], weight [Cout,Kh,Kw,Cin/groups], bias [Cout] or undefined -> [N,Ho,Wo,Cout] with
/// Ho = (H + 2 padding - dilation (Kh - 1) - 1) / stride + 1, rounded down; Wo likewise. With
/// Padding::same Ho = H / stride, rounded up.
/// N may be 0. Keeps x for the backward only if the weight needs a gradient, and the weight only if
/// x needs one. Throws Error when sizes, dtypes or settings do not fit.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const Conv2dSpec& spec = {});

/// The same of concat(inputs) along channels, which never exists in memory: inputs [N,H,W,C0],
/// [N,H,W,C1], ... with C0 + C1 + ... = Cin. Keeps each of them, as their recipes where they have
/// one. With groups > 1 several inputs are joined in memory after all. Throws Error also when there
/// are no inputs, or differ in more than their channels.
Tensor conv2d(const std::vector<Tensor>& inputs, const Tensor& weight, const Tensor& bias = {},
              const Conv2dSpec& spec = {});

}  // namespace pixelgrad

#pragma once
#include <cstdint>

#include "autograd/ops/padding.h"
#include "tensor/tensor.h"

namespace pixelgrad {

/// Settings of a transposed convolution; each holds for height and width.
struct ConvTranspose2dSpec {
  int64_t stride = 1;
  Padding padding = 0;         ///< pixels cut off on each side of the output, or Padding::same
  int64_t output_padding = 0;  ///< rows and columns added at the bottom and on the right
  int64_t dilation = 1;
  int64_t groups = 1;
};

/// The transpose of conv2d as a linear map, often called deconvolution or up-convolution.
/// x [N,H,W,Cin], weight [Cin,Kh,Kw,Cout/groups] (the weight of the convolution from Cout to Cin
/// channels whose transpose this is), bias [Cout] or undefined -> [N,Ho,Wo,Cout] with
/// Ho = (H - 1) stride - 2 padding + dilation (Kh - 1) + output_padding + 1; Wo likewise. With
/// Padding::same Ho = H stride, as in Keras: the transpose of conv2d with that padding.
/// N may be 0. Keeps x for the backward only if the weight needs a gradient, and the weight only if
/// x needs one. Throws Error when sizes, dtypes or settings do not fit.
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        const ConvTranspose2dSpec& spec = {});

}  // namespace pixelgrad

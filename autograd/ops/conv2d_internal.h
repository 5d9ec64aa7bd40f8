#pragma once
#include <string_view>

#include "autograd/ops/padding.h"
#include "tensor/kernels/conv2d.h"
#include "tensor/tensor.h"

// What conv2d and conv_transpose2d share.
namespace pixelgrad::detail {

struct ConvSettings {
  int64_t stride;
  Padding padding;
  int64_t dilation, groups;
};

/// Checks what holds for both: x and weight of rank 4, one floating dtype (weights beside bf16 are
/// f32), one device, no empty image, channel or kernel, settings in range.
inline void check_conv_inputs(std::string_view op, const Tensor& x, const Tensor& weight,
                              const Tensor& bias, const ConvSettings& s) {
  const Shape &xs = x.shape(), &ws = weight.shape();
  const auto require = [&](bool ok, const auto&... parts) {
    if (!ok) throw Error(str("[", op, "] ", parts..., " (input ", xs, ", weight ", ws, ")"));
  };
  require(x.dims() == 4, "input has ", x.dims(), " dimensions, expected 4: N,H,W,C");
  require(weight.dims() == 4, "weight has ", weight.dims(),
          " dimensions, expected 4: channels, kernel height, kernel width, channels of a group");
  require(is_activation(x.dtype()), "input is ", x.dtype(), ", expected f32, f64 or bf16");
  for (const Tensor* other : {&weight, &bias}) {
    if (!other->defined()) continue;
    const char* name = other == &weight ? "weight" : "bias";
    const Dtype expected = compute_dtype(x.dtype());
    require(other->dtype() == expected, name, " is ", other->dtype(), ", input is ", x.dtype(),
            expected == x.dtype() ? "" : str(", expected a ", name, " of ", expected));
    require(other->device() == x.device(), name, " is on ", other->device(), ", input on ",
            x.device());
  }
  require(s.stride >= 1, "stride is ", s.stride, ", expected at least 1");
  require(s.dilation >= 1, "dilation is ", s.dilation, ", expected at least 1");
  require(s.padding.is_same() || s.padding.pixels() >= 0, "padding is ", s.padding,
          ", expected at least 0");
  require(s.groups >= 1, "groups is ", s.groups, ", expected at least 1");
  require(xs[1] > 0 && xs[2] > 0 && xs[3] > 0, "input has an empty image");
  for (int64_t size : ws) require(size > 0, "weight is empty");
}

}  // namespace pixelgrad::detail

#include "layers/conv.h"

#include <algorithm>
#include <utility>

#include "autograd/ops/conv_transpose2d.h"

namespace pixelgrad {
namespace {

template <class Options>
void check_options(const char* layer, const Options& o) {
  const auto at_least = [&](const char* option, int64_t value, int64_t low) {
    check<UsageError>(value >= low, "[", layer, "] ", option, " is ", value, ", expected at least ",
                      low);
  };
  at_least("in_channels", o.in_channels, 1);
  at_least("out_channels", o.out_channels, 1);
  at_least("kernel_size", o.kernel_size, 1);
  at_least("stride", o.stride, 1);
  if (!o.padding.is_same()) at_least("padding", o.padding.pixels(), 0);
  at_least("dilation", o.dilation, 1);
  at_least("groups", o.groups, 1);
  check<UsageError>(o.in_channels % o.groups == 0 && o.out_channels % o.groups == 0, "[", layer,
                    "] ", o.groups, " groups do not divide ", o.in_channels, " input and ",
                    o.out_channels, " output channels");
}

template <class Options>
std::string describe_options(const char* layer, const Options& o) {
  std::string text =
      str(layer, "(", o.in_channels, " -> ", o.out_channels, ", kernel ", o.kernel_size);
  if (o.stride != 1) text += str(", stride ", o.stride);
  if (o.padding != 0) text += str(", padding ", o.padding);
  if (o.dilation != 1) text += str(", dilation ", o.dilation);
  if (o.groups != 1) text += str(", groups ", o.groups);
  return text + (o.bias ? ")" : ", no bias)");
}

Tensor new_weight(Shape shape, Init init) {
  Tensor weight = Tensor::empty(std::move(shape), Dtype::f32);
  initialize_weight(weight, init);
  return weight;
}

Tensor new_bias(int64_t channels, const Shape& weight, Init init) {
  Tensor bias = Tensor::empty({channels}, Dtype::f32);
  initialize_bias(bias, weight, init);
  return bias;
}

}  // namespace

Conv2d::Conv2d(Options options) : options_(options) {
  check_options("conv2d", options_);
  const auto& o = options_;
  weight_ = param(
      "weight",
      new_weight({o.out_channels, o.kernel_size, o.kernel_size, o.in_channels / o.groups}, o.init));
  if (o.bias) bias_ = param("bias", new_bias(o.out_channels, weight_.shape(), o.init));
}

Conv2dSpec Conv2d::spec() const {
  return {.stride = options_.stride,
          .padding = options_.padding,
          .dilation = options_.dilation,
          .groups = options_.groups};
}

Tensor Conv2d::forward(const Tensor& x) { return conv2d(x, weight_, bias_, spec()); }

Tensor Conv2d::forward(const std::vector<Tensor>& inputs) {
  return conv2d(inputs, weight_, bias_, spec());
}

std::string Conv2d::describe() const { return describe_options("Conv2d", options_); }

ConvTranspose2d::ConvTranspose2d(Options options) : options_(options) {
  check_options("conv_transpose2d", options_);
  const auto& o = options_;
  check<UsageError>(o.output_padding >= 0 && o.output_padding < std::max(o.stride, o.dilation),
                    "[conv_transpose2d] output_padding is ", o.output_padding,
                    ", expected less than stride ", o.stride, " or dilation ", o.dilation);
  weight_ = param(
      "weight",
      new_weight({o.in_channels, o.kernel_size, o.kernel_size, o.out_channels / o.groups}, o.init));
  if (o.bias) bias_ = param("bias", new_bias(o.out_channels, weight_.shape(), o.init));
}

Tensor ConvTranspose2d::forward(const Tensor& x) {
  return conv_transpose2d(x, weight_, bias_,
                          {.stride = options_.stride,
                           .padding = options_.padding,
                           .output_padding = options_.output_padding,
                           .dilation = options_.dilation,
                           .groups = options_.groups});
}

std::string ConvTranspose2d::describe() const {
  return describe_options("ConvTranspose2d", options_);
}

}  // namespace pixelgrad

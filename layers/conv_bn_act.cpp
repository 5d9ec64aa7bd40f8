#include "layers/conv_bn_act.h"

#include <utility>

#include "autograd/ops/arithmetic.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/unary.h"

namespace pixelgrad {
namespace {

/// bn(conv(x)) in evaluation, as one convolution: scale (w x + b) + shift = (scale w) x + (scale b
/// + shift), with a scale for each output channel.
Tensor folded(const Conv2d& conv, const BatchNorm2d& bn, const std::vector<Tensor>& inputs) {
  const auto [scale, shift] = bn.affine();
  const Dtype dtype = conv.weight().dtype();
  const Tensor weight = mul(conv.weight(), scale.to(dtype).view({scale.numel(), 1, 1, 1}));
  const Tensor bias = conv.bias() ? add(mul(conv.bias().to(Dtype::f64), scale), shift) : shift;
  return conv2d(inputs, weight, bias.to(dtype), conv.spec());
}

/// activation(y + residual) in place.
void finish(Tensor& y, Activation activation, const Tensor& residual) {
  dispatch_activation(y, [&]<Device D, class T>() {
    T* values = y.mutable_data<T>();
    if (residual) kernels::add<D, T>(y.numel(), values, residual.data<T>(), values);
    if (activation == Activation::relu)
      kernels::unary_forward<D, T>(kernels::UnaryOp::relu, {}, y.numel(), values, values);
  });
}

}  // namespace

Tensor conv_bn_act(Conv2d& conv, BatchNorm2d* bn, Activation activation, Tensor x,
                   const Tensor& residual) {
  std::vector<Tensor> inputs;
  inputs.push_back(std::move(x));
  return conv_bn_act(conv, bn, activation, std::move(inputs), residual);
}

Tensor conv_bn_act(Conv2d& conv, BatchNorm2d* bn, Activation activation, std::vector<Tensor> inputs,
                   const Tensor& residual) {
  const bool gradient = grad_enabled();  // then at least the parameters want one
  const bool fold = bn && !gradient && !bn->takes_statistics();
  Tensor y = fold ? folded(conv, *bn, inputs) : conv.forward(inputs);
  inputs.clear();
  check(!residual || residual.shape() == y.shape(), "[conv_bn_act] residual is ",
        residual ? to_string(residual.shape()) : "", ", expected ", y.shape());
  if (bn && !fold) return bn->forward(y, activation, residual);
  if (!gradient) {
    finish(y, activation, residual);  // nobody else holds y
    return y;
  }
  if (residual) y = add(y, residual);
  return activation == Activation::relu ? relu(y) : y;
}

ConvBnAct::ConvBnAct(Options o)
    : conv_(add<Conv2d>(std::to_string(o.position), {.in_channels = o.in_channels,
                                                     .out_channels = o.out_channels,
                                                     .kernel_size = o.kernel_size,
                                                     .stride = o.stride,
                                                     .padding = o.padding,
                                                     .dilation = o.dilation,
                                                     .groups = o.groups,
                                                     .bias = o.bias,
                                                     .init = o.init})),
      bn_(o.norm ? &add<BatchNorm2d>(
                       std::to_string(o.position + 1),
                       {.channels = o.out_channels, .eps = o.eps, .momentum = o.momentum})
                 : nullptr),
      activation_(o.activation) {}

Tensor ConvBnAct::forward(const Tensor& x) { return conv_bn_act(conv_, bn_, activation_, x); }

Tensor ConvBnAct::forward(std::vector<Tensor> inputs) {
  return conv_bn_act(conv_, bn_, activation_, std::move(inputs));
}

}  // namespace pixelgrad

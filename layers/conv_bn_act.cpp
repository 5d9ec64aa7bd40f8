#include "layers/conv_bn_act.h"

#include "autograd/ops/activation.h"

namespace pixelgrad {

Tensor conv_bn_act(Conv2d& conv, BatchNorm2d* bn, Activation activation, const Tensor& x) {
  Tensor y = conv(x);
  if (bn) y = (*bn)(y);
  return activation == Activation::relu ? relu(y) : y;
}

ConvBnAct::ConvBnAct(Options o)
    : conv_(add<Conv2d>("0", {.in_channels = o.in_channels,
                              .out_channels = o.out_channels,
                              .kernel_size = o.kernel_size,
                              .stride = o.stride,
                              .padding = o.padding,
                              .dilation = o.dilation,
                              .groups = o.groups,
                              .bias = o.bias,
                              .init = o.init})),
      bn_(o.norm ? &add<BatchNorm2d>(
                       "1", {.channels = o.out_channels, .eps = o.eps, .momentum = o.momentum})
                 : nullptr),
      activation_(o.activation) {}

Tensor ConvBnAct::forward(const Tensor& x) { return conv_bn_act(conv_, bn_, activation_, x); }

}  // namespace pixelgrad

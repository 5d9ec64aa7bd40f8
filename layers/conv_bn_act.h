#pragma once
#include <vector>

#include "autograd/ops/activation.h"
#include "layers/batch_norm.h"
#include "layers/conv.h"

namespace pixelgrad {

/// activation(bn(conv(x)) + residual); without `bn` activation(conv(x) + residual). residual [as
/// the convolution's output] may be undefined. Blocks whose layers carry their own names (ResNet's
/// conv1 and bn1) call this, so that there is one place for the whole sequence.
///
/// With gradients, norm, residual and activation are one op that keeps nothing but the
/// convolution's output (batch_norm_act), with the bits of the single ops. Where no gradient is
/// wanted and the norm takes no statistics, it becomes part of the convolution's weight and bias,
/// and the rest happens in place: the same up to rounding.
Tensor conv_bn_act(Conv2d& conv, BatchNorm2d* bn, Activation activation, Tensor x,
                   const Tensor& residual = {});

/// The same where the convolution reads several inputs in turn, as if concatenated along channels.
Tensor conv_bn_act(Conv2d& conv, BatchNorm2d* bn, Activation activation, std::vector<Tensor> inputs,
                   const Tensor& residual = {});

/// Convolution, batch norm and ReLU, the brick of most segmentation networks.
/// [N,H,W,in_channels] -> [N,H',W',out_channels] (see Conv2d). Children: "0" the convolution, "1"
/// the batch norm, or as `position` says.
class ConvBnAct : public Layer {
 public:
  struct Options {
    int64_t in_channels = 1, out_channels = 1;
    int64_t kernel_size = 3;
    int64_t stride = 1;
    Padding padding = 0;
    int64_t dilation = 1;
    int64_t groups = 1;
    bool bias = false;  ///< a batch norm right after it would cancel it
    bool norm = true;
    Activation activation = Activation::relu;
    Init init = Init::he_normal;
    double eps = 1e-5;      ///< of the batch norm
    double momentum = 0.1;  ///< of the batch norm
    int64_t position = 0;   ///< of the convolution in a PyTorch Sequential: its name
  };

  explicit ConvBnAct(Options options);
  Tensor forward(const Tensor& x) override;
  /// Of tensors that have in_channels together, read in turn as if concatenated along channels.
  Tensor forward(std::vector<Tensor> inputs);

 private:
  Conv2d& conv_;
  BatchNorm2d* bn_;
  Activation activation_;
};

}  // namespace pixelgrad

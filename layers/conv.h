#pragma once
#include <vector>

#include "autograd/ops/conv2d.h"
#include "autograd/ops/padding.h"
#include "layers/init.h"
#include "layers/layer.h"

namespace pixelgrad {

/// 2-d convolution. [N,H,W,in_channels] -> [N,H',W',out_channels] with
/// H' = floor((H + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1, or with
/// Padding::same H' = ceil(H / stride).
/// Parameters: weight [out_channels,k,k,in_channels/groups], bias [out_channels].
class Conv2d : public Layer {
 public:
  struct Options {
    int64_t in_channels = 1, out_channels = 1;
    int64_t kernel_size = 3;
    int64_t stride = 1;
    Padding padding = 0;
    int64_t dilation = 1;
    int64_t groups = 1;
    bool bias = true;
    Init init = Init::pytorch_default;
  };

  /// Throws UsageError when an option is out of range or the groups do not divide the channels.
  explicit Conv2d(Options options);
  Tensor forward(const Tensor& x) override;
  /// Of tensors that have in_channels together, read in turn as if concatenated along channels.
  Tensor forward(const std::vector<Tensor>& inputs);
  std::string describe() const override;

  const Options& options() const { return options_; }
  /// What forward gives to the op conv2d.
  Conv2dSpec spec() const;
  const Tensor& weight() const { return weight_; }
  const Tensor& bias() const { return bias_; }  ///< undefined without bias

 private:
  Options options_;
  Tensor weight_, bias_;
};

/// Transposed 2-d convolution, the gradient of a convolution as a layer.
/// [N,H,W,in_channels] -> [N,H',W',out_channels] with
/// H' = (H - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1, or with
/// Padding::same H' = H stride.
/// Parameters: weight [in_channels,k,k,out_channels/groups], bias [out_channels].
class ConvTranspose2d : public Layer {
 public:
  struct Options {
    int64_t in_channels = 1, out_channels = 1;
    int64_t kernel_size = 2;
    int64_t stride = 2;
    Padding padding = 0;
    int64_t output_padding = 0;
    int64_t dilation = 1;
    int64_t groups = 1;
    bool bias = true;
    Init init = Init::pytorch_default;
  };

  /// Throws UsageError when an option is out of range or the groups do not divide the channels.
  explicit ConvTranspose2d(Options options);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

  const Options& options() const { return options_; }

 private:
  Options options_;
  Tensor weight_, bias_;
};

}  // namespace pixelgrad

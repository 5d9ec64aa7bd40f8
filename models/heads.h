#pragma once
#include <vector>

#include "layers/conv_bn_act.h"

// What segmentation networks on a backbone end with, shared by several of them. Where there are
// names of PyTorch's, the parameters have them.
namespace pixelgrad {

/// A 3x3 convolution with batch norm and ReLU, dropout, and a 1x1 convolution to the classes:
/// [N,H,W,in_channels] -> [N,H,W,classes]. The auxiliary head of torchvision and of the PSPNet
/// authors. Children 0, 1 and 4: the positions in PyTorch's Sequential.
class ConvHead : public Layer {
 public:
  struct Options {
    int64_t in_channels = 1, mid_channels = 1, classes = 1;
    double dropout = 0;
    bool drop_channels = false;  ///< whole channels (dropout2d), else single values
  };

  explicit ConvHead(Options options);
  Tensor forward(const Tensor& x) override;

 private:
  ConvBnAct& conv_;
  Layer& dropout_;
  Conv2d& classify_;
};

/// A depthwise 3x3 convolution and a pointwise 1x1 one, then batch norm and ReLU:
/// [N,H,W,in_channels] -> [N,H,W,out_channels]. With norm_between, as in the DeepLabV3+ authors'
/// code, batch norm and ReLU follow the depthwise convolution too. Children as in SMP: "0.0" the
/// depthwise convolution, "0.1" the pointwise one, "1" the norm; the norm between is "0.norm".
class SeparableConvBnAct : public Layer {
 public:
  struct Options {
    int64_t in_channels = 1, out_channels = 1;
    int64_t dilation = 1;  ///< and padding: height and width stay
    bool norm_between = false;
    int64_t position = 0;  ///< in a PyTorch Sequential: the first number of the names
  };

  explicit SeparableConvBnAct(Options options);
  Tensor forward(const Tensor& x) override;

 private:
  Conv2d& depthwise_;
  BatchNorm2d* between_;
  Conv2d& pointwise_;
  BatchNorm2d& bn_;
};

/// Atrous spatial pyramid pooling with image-level features: Chen, Papandreou, Schroff and Adam,
/// "Rethinking atrous convolution for semantic image segmentation", 2017 (DeepLabV3), section 3.3.
///
/// Side by side a 1x1 convolution, a 3x3 one for each rate as its dilation, and the mean of the
/// image through a 1x1 convolution, each with batch norm and ReLU; their channels joined, then a
/// 1x1 convolution, batch norm, ReLU and dropout. [N,H,W,in_channels] -> [N,H,W,channels].
/// Children as in torchvision and SMP: convs.0 ... convs.4, project.
class Aspp : public Layer {
 public:
  struct Options {
    int64_t in_channels = 1, channels = 256;
    std::vector<int64_t> rates = {12, 24, 36};
    double dropout = 0.5;
    bool separable = false;     ///< depthwise separable 3x3 convolutions, as DeepLabV3+
    bool norm_between = false;  ///< of these, see SeparableConvBnAct
  };

  explicit Aspp(Options options);
  Tensor forward(const Tensor& x) override;

 private:
  std::vector<Layer*> branches_;  ///< those that see pixels
  ConvBnAct& image_branch_;
  ConvBnAct& project_;
  Layer& dropout_;
};

}  // namespace pixelgrad

#pragma once
#include <array>
#include <string>
#include <vector>

#include "layers/conv_bn_act.h"
#include "models/model.h"
#include "tensor/options.h"

namespace pixelgrad {

/// ResNet without its classifier, the backbone of the DeepLabs and PSPNets: He, Zhang, Ren and Sun,
/// "Deep residual learning for image recognition", CVPR 2016.
///
/// A stem, which halves height and width, then a 3x3 max pooling with stride 2 and four stages of
/// residual blocks with strides 1, 2, 2, 2. Where output_stride is less than 32, the last stages
/// keep their input's size and dilate their convolutions instead (Chen et al., DeepLab; Yu, Koltun
/// and Funkhouser, "Dilated residual networks", CVPR 2017). A size of n becomes ceil(n / stride).
///
/// Parameters have torchvision's names (conv1, bn1, layer1.0.conv1, ..., layer1.0.downsample.0);
/// the deep stem is layer0.0 ... layer0.7, as in the PSPNet authors' PyTorch code.
class ResNet : public Module {
 public:
  struct Options {
    int64_t depth = 50;  ///< 18, 34, 50, 101 or 152
    int64_t in_channels = 3;
    int64_t width = 64;  ///< channels of the stem; the stages have 1, 2, 4 and 8 times that,
                         ///< and in blocks of three convolutions put out four times more
    int64_t output_stride = 32;  ///< of the last stage: 8, 16 or 32
    bool deep_stem = false;      ///< three 3x3 convolutions in place of the 7x7; 2 * width channels
    bool stride_on_1x1 = false;  ///< in blocks of three convolutions the paper strides in the
                                 ///< first, torchvision in the second, the 3x3
    bool first_keeps_dilation = true;  ///< a dilated stage's first block still has the dilation of
                                       ///< the stage before (torchvision); else the stage's own
                                       ///< (the PSPNet authors' code, SMP)
    std::vector<int64_t> multi_grid = {};  ///< factors on the dilations of the last stage's blocks
                                           ///< (DeepLabV3's unit rates); empty: all 1
  };

  /// Throws UsageError for a depth, an output stride or a multi-grid that there is not.
  explicit ResNet(Options options);

  /// Runs the stages `first` to `last`, where 0 is the stem and 1 begins with the max pooling:
  /// [N,H,W,C] -> [N,h,w,channels(last)]. forward(images, 0, 4) is the whole network.
  Tensor forward(const Tensor& x, int first, int last);

  /// Of what a stage puts out.
  int64_t channels(int stage) const { return channels_.at(static_cast<size_t>(stage)); }
  /// By how much a stage's output is smaller than the images: 2, 4, 8 or less, ...
  int64_t stride(int stage) const { return strides_.at(static_cast<size_t>(stage)); }

 private:
  void add_stem(const Options& options);
  void add_stage(const Options& options, int stage);

  /// A convolution of the stem and its batch norm.
  struct Stem {
    Conv2d* conv;
    BatchNorm2d* bn;
  };
  std::vector<Stem> stem_;
  std::array<std::vector<Layer*>, 5> blocks_;  ///< of stages 1 to 4
  std::array<int64_t, 5> channels_{}, strides_{};
  int64_t dilation_ = 1;  ///< of the stage added last
};

/// The depths that there are: 18, 34, 50, 101, 152.
const std::vector<int64_t>& resnet_depths();

/// The depth in the name of a model, 50 of "pspnet-resnet50".
int64_t resnet_depth(const std::string& model_name);

/// The options that all models on a ResNet have, in words: what a ModelInfo lists.
std::vector<ModelOption> resnet_option_list(const std::string& output_stride,
                                            const std::string& stem, const std::string& dilation);

/// Reads them.
ResNet::Options read_resnet_options(OptionReader& read, const ModelConfig& config);

}  // namespace pixelgrad

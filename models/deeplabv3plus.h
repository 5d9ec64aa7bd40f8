#pragma once
#include "models/heads.h"
#include "models/model.h"
#include "models/resnet.h"

namespace pixelgrad {

/// DeepLabV3+ on a ResNet: Chen, Zhu, Papandreou, Schroff and Adam, "Encoder-decoder with atrous
/// separable convolution for semantic image segmentation", ECCV 2018.
///
/// Atrous spatial pyramid pooling with depthwise separable convolutions on the backbone's output,
/// resized to the features of stride 4, which a 1x1 convolution brings to 48 channels; both joined
/// go through separable 3x3 convolutions to the classes.
///
/// style=smp is segmentation_models_pytorch's network, with its parameter names: rates 12, 24, 36
/// at any output stride, one more separable convolution behind the pyramid, one behind the joint,
/// and images whose sides are multiples of the output stride. style=paper has the paper's rates
/// (6, 12, 18 at output stride 16), its two convolutions behind the joint, batch norm and ReLU
/// between depthwise and pointwise convolutions as in the authors' code, and takes any size.
class DeepLabV3Plus : public SegmentationModel {
 public:
  static ModelInfo info(int64_t depth);

  /// `config` complete with all options, as make_model gives it.
  explicit DeepLabV3Plus(const ModelConfig& config);
  InputPadding input_padding(int64_t height, int64_t width) const override;

 private:
  ModelOutput compute(const Tensor& images) override;

  /// What height and width must be a multiple of.
  int64_t unit() const { return paper_ ? 1 : backbone_->stride(4); }

  bool paper_;
  ResNet* backbone_;
  Aspp* aspp_;
  SeparableConvBnAct* behind_aspp_ = nullptr;  ///< of SMP
  ConvBnAct* low_level_;
  std::vector<SeparableConvBnAct*> decoder_;
  Conv2d* classify_;
};

}  // namespace pixelgrad

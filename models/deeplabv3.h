#pragma once
#include "models/heads.h"
#include "models/model.h"
#include "models/resnet.h"

namespace pixelgrad {

/// DeepLabV3 on a dilated ResNet: Chen, Papandreou, Schroff and Adam, "Rethinking atrous
/// convolution for semantic image segmentation", 2017.
///
/// Atrous spatial pyramid pooling (Aspp) on the backbone's output, a 3x3 convolution, a 1x1 one to
/// the classes, and a bilinear resize to the image. An auxiliary head on the third stage helps in
/// training. This is torchvision's network with its parameter names; option multi_grid=1,2,4 is
/// the paper's. Takes images of any size.
class DeepLabV3 : public SegmentationModel {
 public:
  static ModelInfo info(int64_t depth);

  /// `config` complete with all options, as make_model gives it.
  explicit DeepLabV3(const ModelConfig& config);
  InputPadding input_padding(int64_t, int64_t) const override { return {}; }

 private:
  ModelOutput compute(const Tensor& images) override;

  ResNet* backbone_;
  Aspp* aspp_;
  ConvBnAct* conv_;
  Conv2d* classify_;
  ConvHead* aux_ = nullptr;
  double aux_weight_;
};

/// The rates of atrous spatial pyramid pooling that DeepLabV3's paper has for an output stride, as
/// an option's value: 6,12,18 at 16, twice that at 8, half at 32.
std::string paper_aspp_rates(const std::string& output_stride);

/// Option `rates`: three numbers.
std::vector<int64_t> read_aspp_rates(OptionReader& read, const std::string& model);

}  // namespace pixelgrad

#pragma once
#include <vector>

#include "autograd/ops/upsample.h"
#include "models/model.h"
#include "models/resnet.h"

namespace pixelgrad {

/// A U-Net whose contracting path is a ResNet, as in segmentation_models_pytorch, with its
/// parameter names (Ronneberger et al. 2015; the decoder is SMP's).
///
/// Five blocks, each: resize to the size of the next larger features (at last to the image's), join
/// with these features, two 3x3 convolutions with batch norm and ReLU. Takes images of any size.
class UNetResNet : public SegmentationModel {
 public:
  static ModelInfo info(int64_t depth);

  /// `config` complete with all options, as make_model gives it.
  explicit UNetResNet(const ModelConfig& config);
  InputPadding input_padding(int64_t, int64_t) const override { return {}; }

 private:
  ModelOutput compute(const Tensor& images) override;

  struct Block {
    ConvBnAct* conv1;
    ConvBnAct* conv2;
  };

  ResNet* backbone_;
  std::vector<Block> blocks_;
  UpsampleSpec resize_;
  Conv2d* classify_;
};

}  // namespace pixelgrad

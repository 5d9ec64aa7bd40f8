#pragma once
#include "layers/conv.h"
#include "models/model.h"

namespace pixelgrad {

/// The least that a network can do: one 1x1 convolution with bias, so that a pixel's class follows
/// from its own colour alone, linearly. A baseline: what another network scores above it, it owes
/// to the pixels around. (in_channels + 1) * classes parameters. Takes images of any size.
class Conv1x1 : public SegmentationModel {
 public:
  static ModelInfo info();

  explicit Conv1x1(const ModelConfig& config);
  InputPadding input_padding(int64_t height, int64_t width) const override;

 private:
  ModelOutput compute(const Tensor& images) override;

  Conv2d& classify_;
};

}  // namespace pixelgrad

#include "models/conv1x1.h"

namespace pixelgrad {

ModelInfo Conv1x1::info() {
  return {.name = "conv1x1",
          .family = "conv1x1",
          .description = "a baseline: classifies each pixel by its own colour alone",
          .options = {}};
}

Conv1x1::Conv1x1(const ModelConfig& config)
    : SegmentationModel(config),
      classify_(add<Conv2d>(
          "classify",
          {.in_channels = config.in_channels, .out_channels = config.classes, .kernel_size = 1})) {}

ModelOutput Conv1x1::compute(const Tensor& images) {
  check_images(images, 1);
  return {.logits = classify_(images)};
}

InputPadding Conv1x1::input_padding(int64_t height, int64_t width) const {
  return pad_to(height, width, 1);
}

}  // namespace pixelgrad

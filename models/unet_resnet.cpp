#include "models/unet_resnet.h"

#include <utility>

namespace pixelgrad {
namespace {

constexpr int64_t max_channels = 4096;
constexpr int last_stage = 4;  // of the backbone

}  // namespace

ModelInfo UNetResNet::info(int64_t depth) {
  ModelInfo info{.name = str("unet-resnet", depth),
                 .family = "unet-resnet",
                 .description =
                     "U-Net with a ResNet as its encoder; "
                     "segmentation_models_pytorch's network",
                 .options = {{"decoder_channels", "256,128,64,32,16", "of the decoder's blocks"},
                             {"upsample", "nearest", "nearest or bilinear, in the decoder"}}};
  for (ModelOption& option : resnet_option_list("32", "plain", "all"))
    info.options.push_back(std::move(option));
  return info;
}

UNetResNet::UNetResNet(const ModelConfig& config) : SegmentationModel(config) {
  OptionReader read(config.name, config.options);
  const ResNet::Options backbone = read_resnet_options(read, config);
  const std::vector<int64_t> channels = read.integers("decoder_channels");
  check<UsageError>(channels.size() == last_stage + 1, "[", config.name,
                    "] option decoder_channels has ", channels.size(), " numbers, expected ",
                    last_stage + 1);
  for (const int64_t c : channels)
    check<UsageError>(c >= 1 && c <= max_channels, "[", config.name,
                      "] option decoder_channels has ", c, ", expected 1 to ", max_channels);
  if (read.choice("upsample", "nearest", {"nearest", "bilinear"}) == "bilinear")
    resize_.mode = UpsampleMode::bilinear;
  read.finish();

  backbone_ = &add<ResNet>("encoder", backbone);
  int64_t below = backbone_->channels(last_stage);
  for (const int64_t out : channels) {
    const auto i = static_cast<int>(blocks_.size());
    const int64_t skip = i < last_stage ? backbone_->channels(last_stage - 1 - i) : 0;
    const auto conv = [&](const char* name, int64_t in) {
      return &add<ConvBnAct>(
          str("decoder.blocks.", i, ".", name),
          {.in_channels = in, .out_channels = out, .padding = 1, .init = Init::he_uniform});
    };
    ConvBnAct* const conv1 = conv("conv1", below + skip);
    blocks_.push_back({conv1, conv("conv2", out)});
    below = out;
  }
  classify_ = &add<Conv2d>("segmentation_head.0", {.in_channels = below,
                                                   .out_channels = config.classes,
                                                   .kernel_size = 3,
                                                   .padding = 1,
                                                   .init = Init::glorot_uniform});
}

ModelOutput UNetResNet::compute(const Tensor& images) {
  check_images(images, 1);
  std::vector<Tensor> skips{backbone_->forward(images, 0, 0)};
  for (int stage = 1; stage < last_stage; ++stage)
    skips.push_back(backbone_->forward(skips.back(), stage, stage));
  Tensor x = backbone_->forward(skips.back(), last_stage, last_stage);
  for (const Block& block : blocks_) {
    const Tensor& target = skips.empty() ? images : skips.back();
    x = upsample(x, target.shape(1), target.shape(2), resize_);
    std::vector<Tensor> parts;
    parts.push_back(std::move(x));
    if (!skips.empty()) {
      parts.push_back(std::move(skips.back()));
      skips.pop_back();
    }
    x = (*block.conv2)(block.conv1->forward(std::move(parts)));
  }
  return {.logits = (*classify_)(x)};
}

}  // namespace pixelgrad

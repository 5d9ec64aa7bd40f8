#include "models/deeplabv3plus.h"

#include "autograd/ops/concat.h"
#include "autograd/ops/upsample.h"
#include "models/deeplabv3.h"

namespace pixelgrad {
namespace {

constexpr int64_t max_channels = 4096;

}  // namespace

ModelInfo DeepLabV3Plus::info(int64_t depth) {
  ModelInfo info{
      .name = str("deeplabv3plus-resnet", depth),
      .family = "deeplabv3plus",
      .description =
          "DeepLabV3+ (Chen et al. 2018): DeepLabV3 with separable convolutions and a "
          "decoder that adds features of stride 4",
      .options = {{"style", "smp", "smp: as segmentation_models_pytorch; paper: as the authors"},
                  {"rates", "auto",
                   "dilations of the pyramid; auto: 12,24,36, and in style paper "
                   "half that at output stride 16"},
                  {"channels", "256", "of the pyramid's branches and the decoder"},
                  {"low_level_channels", "48", "what the features of stride 4 are brought to"},
                  {"dropout", "0.5", "probability, behind the pyramid"}}};
  for (ModelOption& option : resnet_option_list("16", "plain", "all"))
    info.options.push_back(std::move(option));
  return info;
}

DeepLabV3Plus::DeepLabV3Plus(const ModelConfig& config) : SegmentationModel(config) {
  paper_ = config.options.at("style") == "paper";
  const OptionMap options = replace_auto(
      config.options,
      {{"rates", paper_ ? paper_aspp_rates(config.options.at("output_stride")) : "12,24,36"}});
  OptionReader read(config.name, options);
  read.choice("style", "smp", {"smp", "paper"});
  const ResNet::Options backbone = read_resnet_options(read, config);
  const std::vector<int64_t> rates = read_aspp_rates(read, config.name);
  const int64_t channels = read.integer("channels", 256, 1, max_channels);
  const int64_t low_channels = read.integer("low_level_channels", 48, 1, max_channels);
  const double dropout = read.number("dropout", 0.5, 0, 0.99);
  read.finish();

  backbone_ = &add<ResNet>("encoder", backbone);
  aspp_ = &add<Aspp>("decoder.aspp.0", {.in_channels = backbone_->channels(4),
                                        .channels = channels,
                                        .rates = rates,
                                        .dropout = dropout,
                                        .separable = true,
                                        .norm_between = paper_});
  const auto separable = [&](const std::string& name, int64_t in, int64_t position = 0) {
    return &add<SeparableConvBnAct>(name, {.in_channels = in,
                                           .out_channels = channels,
                                           .norm_between = paper_,
                                           .position = position});
  };
  if (!paper_) behind_aspp_ = separable("decoder.aspp", channels, 1);
  low_level_ = &add<ConvBnAct>("decoder.block1", {.in_channels = backbone_->channels(1),
                                                  .out_channels = low_channels,
                                                  .kernel_size = 1,
                                                  .init = Init::pytorch_default});
  decoder_.push_back(separable("decoder.block2", channels + low_channels));
  if (paper_) decoder_.push_back(separable("decoder.block3", channels));
  classify_ = &add<Conv2d>("segmentation_head.0", {.in_channels = channels,
                                                   .out_channels = config.classes,
                                                   .kernel_size = 1,
                                                   .init = Init::pytorch_default});
}

ModelOutput DeepLabV3Plus::compute(const Tensor& images) {
  check_images(images, unit());
  const auto resized = [](const Tensor& x, const Tensor& target) {
    return upsample(x, target.shape(1), target.shape(2),
                    {.mode = UpsampleMode::bilinear, .align_corners = true});
  };
  Tensor low = backbone_->forward(images, 0, 1);
  Tensor x = (*aspp_)(backbone_->forward(low, 2, 4));
  if (behind_aspp_) x = (*behind_aspp_)(x);
  low = (*low_level_)(low);
  x = resized(x, low);
  x = concat({x, low});
  for (SeparableConvBnAct* conv : decoder_) x = (*conv)(x);
  return {.logits = resized(as_scores((*classify_)(x)), images)};
}

InputPadding DeepLabV3Plus::input_padding(int64_t height, int64_t width) const {
  return pad_to(height, width, unit());
}

}  // namespace pixelgrad

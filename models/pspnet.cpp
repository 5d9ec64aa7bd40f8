#include "models/pspnet.h"

#include <algorithm>

#include "autograd/ops/pool.h"
#include "autograd/ops/upsample.h"

namespace pixelgrad {
namespace {

constexpr int64_t max_channels = 4096;
constexpr int64_t max_bins = 64;
constexpr UpsampleSpec resize{.mode = UpsampleMode::bilinear, .align_corners = true};

OptionMap defaults_of(bool paper) {
  if (paper)
    return {{"output_stride", "8"},
            {"stem", "deep"},
            {"encoder_depth", "5"},
            {"dropout", "0.1"},
            {"aux_weight", "0.4"}};
  return {{"output_stride", "32"},
          {"stem", "plain"},
          {"encoder_depth", "3"},
          {"dropout", "0.2"},
          {"aux_weight", "0"}};
}

}  // namespace

ModelInfo PspNet::info(int64_t depth) {
  ModelInfo info{
      .name = str("pspnet-resnet", depth),
      .family = "pspnet",
      .description = "PSPNet (Zhao et al. 2017): pyramid pooling on a ResNet",
      .options = {
          {"style", "paper", "paper: as the authors; smp: as segmentation_models_pytorch"},
          {"encoder_depth", "auto",
           "halvings of the image that a plain backbone would make, 3 to "
           "5: later stages do not run; auto: 5, with style smp 3"},
          {"bins", "1,2,3,6", "of the pyramid's levels, in each direction"},
          {"channels", "512", "behind the pyramid"},
          {"dropout", "auto", "probability, behind the pyramid; auto: 0.1, with style smp 0.2"},
          {"aux_weight", "auto",
           "of the auxiliary head's loss; 0: no such head; auto: 0.4, with "
           "style smp 0"},
          {"aux_dropout", "0.1", "probability, in the auxiliary head"}}};
  for (ModelOption& option : resnet_option_list("auto", "auto", "all"))
    info.options.push_back(std::move(option));
  return info;
}

PspNet::PspNet(const ModelConfig& config) : SegmentationModel(config) {
  paper_ = config.options.at("style") == "paper";
  const OptionMap options = replace_auto(config.options, defaults_of(paper_));
  OptionReader read(config.name, options);
  read.choice("style", "paper", {"paper", "smp"});
  const ResNet::Options backbone = read_resnet_options(read, config);
  last_stage_ = static_cast<int>(read.integer("encoder_depth", 5, 3, 5)) - 1;
  const std::vector<int64_t> bins = read.integers("bins");
  check<UsageError>(!bins.empty(), "[", config.name, "] option bins is empty, expected numbers");
  for (const int64_t b : bins)
    check<UsageError>(b >= 1 && b <= max_bins, "[", config.name, "] option bins has ", b,
                      ", expected 1 to ", max_bins);
  const int64_t channels = read.integer("channels", 512, 1, max_channels);
  const double dropout = read.number("dropout", 0.1, 0, 0.99);
  aux_weight_ = read.number("aux_weight", 0.4, 0, 100);
  const double aux_dropout = read.number("aux_dropout", 0.1, 0, 0.99);
  read.finish();
  check<UsageError>(aux_weight_ == 0 || last_stage_ >= 3, "[", config.name, "] encoder_depth ",
                    last_stage_ + 1, " has no third stage for an auxiliary head: expected ",
                    "aux_weight 0");

  backbone_ = &add<ResNet>(paper_ ? "" : "encoder", backbone);
  const int64_t in = backbone_->channels(last_stage_);
  const auto level_count = static_cast<int64_t>(bins.size());
  const int64_t level_channels = std::max<int64_t>(1, in / level_count);
  const Init init = paper_ ? Init::pytorch_default : Init::he_uniform;
  for (const int64_t b : bins) {
    // SMP has no norm where a batch of one image would leave it a single value, but a bias.
    const bool norm = paper_ || b > 1;
    const size_t i = levels_.size();
    levels_.push_back({b, &add<ConvBnAct>(paper_ ? str("ppm.features.", i)
                                                 : str("decoder.psp.blocks.", i, ".pool.1"),
                                          {.in_channels = in,
                                           .out_channels = level_channels,
                                           .kernel_size = 1,
                                           .bias = !norm,
                                           .norm = norm,
                                           .init = init,
                                           .position = paper_ ? 1 : 0})});
  }
  join_ = &add<ConvBnAct>(paper_ ? "cls" : "decoder.conv",
                          {.in_channels = in + level_count * level_channels,
                           .out_channels = channels,
                           .kernel_size = paper_ ? 3 : 1,
                           .padding = paper_ ? 1 : 0,
                           .init = init});
  dropout_ = &add<Dropout2d>("dropout", {.p = dropout});
  classify_ = &add<Conv2d>(paper_ ? "cls.4" : "segmentation_head.0",
                           {.in_channels = channels,
                            .out_channels = config.classes,
                            .kernel_size = paper_ ? 1 : 3,
                            .padding = paper_ ? 0 : 1,
                            .init = paper_ ? Init::pytorch_default : Init::glorot_uniform});
  if (aux_weight_ > 0) {
    const int64_t features = backbone_->channels(3);
    aux_ = &add<ConvHead>("aux", {.in_channels = features,
                                  .mid_channels = std::max<int64_t>(1, features / 4),
                                  .classes = config.classes,
                                  .dropout = aux_dropout,
                                  .drop_channels = true});
  }
}

std::vector<Tensor> PspNet::pyramid(const Tensor& features) {
  std::vector<Tensor> parts;
  if (paper_) parts.push_back(features);
  for (const Level& level : levels_) {
    const Tensor means = adaptive_avg_pool2d(features, level.bins, level.bins);
    parts.push_back(upsample((*level.conv)(means), features.shape(1), features.shape(2), resize));
  }
  if (!paper_) parts.push_back(features);
  return parts;
}

ModelOutput PspNet::compute(const Tensor& images) {
  check_images(images, unit(), rest());
  const auto resized = [&](const Tensor& logits) {
    return upsample(as_scores(logits), images.shape(1), images.shape(2), resize);
  };
  ModelOutput out;
  out.aux_weight = aux_weight_;
  Tensor x = backbone_->forward(images, 0, std::min(3, last_stage_));
  if (aux_ && training()) out.aux = resized((*aux_)(x));
  x = backbone_->forward(x, 4, last_stage_);
  x = join_->forward(pyramid(x));
  out.logits = resized((*classify_)((*dropout_)(x)));
  return out;
}

InputPadding PspNet::input_padding(int64_t height, int64_t width) const {
  return pad_to(height, width, unit(), rest());
}

}  // namespace pixelgrad

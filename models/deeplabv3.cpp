#include "models/deeplabv3.h"

#include <algorithm>

#include "autograd/ops/upsample.h"

namespace pixelgrad {
namespace {

constexpr int64_t max_channels = 4096;
constexpr int64_t max_rate = 1024;

}  // namespace

ModelInfo DeepLabV3::info(int64_t depth) {
  ModelInfo info{.name = str("deeplabv3-resnet", depth),
                 .family = "deeplabv3",
                 .description =
                     "DeepLabV3 (Chen et al. 2017): a dilated ResNet and pyramid pooling with "
                     "dilated convolutions; torchvision's network",
                 .options = {{"rates", "auto",
                              "dilations of the pyramid; auto: 12,24,36 at output stride 8, "
                              "half that at 16"},
                             {"channels", "256", "of the pyramid's branches"},
                             {"dropout", "0.5", "probability, behind the pyramid"},
                             {"aux_weight", "0.5", "of the auxiliary head's loss; 0: no such head"},
                             {"aux_dropout", "0.1", "probability, in the auxiliary head"}}};
  for (ModelOption& option : resnet_option_list("8", "plain", "inherit"))
    info.options.push_back(std::move(option));
  return info;
}

DeepLabV3::DeepLabV3(const ModelConfig& config) : SegmentationModel(config) {
  const OptionMap options = replace_auto(
      config.options, {{"rates", paper_aspp_rates(config.options.at("output_stride"))}});
  OptionReader read(config.name, options);
  const ResNet::Options backbone = read_resnet_options(read, config);
  const std::vector<int64_t> rates = read_aspp_rates(read, config.name);
  const int64_t channels = read.integer("channels", 256, 1, max_channels);
  const double dropout = read.number("dropout", 0.5, 0, 0.99);
  aux_weight_ = read.number("aux_weight", 0.5, 0, 100);
  const double aux_dropout = read.number("aux_dropout", 0.1, 0, 0.99);
  read.finish();

  backbone_ = &add<ResNet>("backbone", backbone);
  aspp_ = &add<Aspp>("classifier.0", {.in_channels = backbone_->channels(4),
                                      .channels = channels,
                                      .rates = rates,
                                      .dropout = dropout});
  conv_ = &add<ConvBnAct>("classifier", {.in_channels = channels,
                                         .out_channels = channels,
                                         .padding = 1,
                                         .init = Init::pytorch_default,
                                         .position = 1});
  classify_ = &add<Conv2d>(
      "classifier.4", {.in_channels = channels, .out_channels = config.classes, .kernel_size = 1});
  if (aux_weight_ > 0) {
    const int64_t in = backbone_->channels(3);
    aux_ = &add<ConvHead>("aux_classifier", {.in_channels = in,
                                             .mid_channels = std::max<int64_t>(1, in / 4),
                                             .classes = config.classes,
                                             .dropout = aux_dropout});
  }
}

ModelOutput DeepLabV3::compute(const Tensor& images) {
  check_images(images, 1);
  const auto resized = [&](const Tensor& logits) {
    return upsample(as_scores(logits), images.shape(1), images.shape(2),
                    {.mode = UpsampleMode::bilinear});
  };
  Tensor x = backbone_->forward(images, 0, 3);
  ModelOutput out;
  out.aux_weight = aux_weight_;
  if (aux_ && training()) out.aux = resized((*aux_)(x));
  x = backbone_->forward(std::move(x), 4, 4);
  out.logits = resized((*classify_)((*conv_)((*aspp_)(x))));
  return out;
}

std::string paper_aspp_rates(const std::string& output_stride) {
  if (output_stride == "8") return "12,24,36";
  return output_stride == "16" ? "6,12,18" : "3,6,9";
}

std::vector<int64_t> read_aspp_rates(OptionReader& read, const std::string& model) {
  const std::vector<int64_t> rates = read.integers("rates");
  check<UsageError>(rates.size() == 3, "[", model, "] option rates has ", rates.size(),
                    " numbers, expected 3");
  for (const int64_t rate : rates)
    check<UsageError>(rate >= 1 && rate <= max_rate, "[", model, "] option rates has ", rate,
                      ", expected 1 to ", max_rate);
  return rates;
}

}  // namespace pixelgrad

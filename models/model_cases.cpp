#include "models/model_cases.h"

#include "layers/module_sample.h"
#include "models/registry.h"

namespace pixelgrad {
namespace {

OpSample model_sample(const std::string& name, Shape images, const ModelConfig& config) {
  return module_sample(
      name, std::move(images), [config] { return make_model(config); },
      [](Module& model, const Tensor& x) {
        return static_cast<SegmentationModel&>(model).forward(x).logits;
      });
}

OpCase unet_case() {
  const auto unet = [](const std::string& name, Shape images, OptionMap options) {
    options.insert({{"width", "4"}, {"depth", "2"}});
    return model_sample(
        name, std::move(images),
        {.name = "unet", .in_channels = 3, .classes = 3, .options = std::move(options)});
  };
  OpCase model;
  model.name = "unet";
  model.samples = {
      unet("transposed convolutions", {2, 8, 8, 3}, {}),
      unet("bilinear decoder", {2, 8, 8, 3}, {{"decoder", "bilinear"}}),
      unet("dropout", {2, 8, 8, 3}, {{"dropout", "0.3"}}),
      unet("valid padding, no batch norm", {2, 20, 20, 3}, {{"padding", "valid"}, {"depth", "1"}}),
  };
  return model;
}

}  // namespace

const std::vector<OpCase>& model_cases() {
  static const std::vector<OpCase> cases{unet_case()};
  return cases;
}

GradcheckOptions model_check_options() {
  return {.step = 1e-5, .tolerance = 1e-6, .check_all_up_to = 64, .samples = 64};
}

}  // namespace pixelgrad

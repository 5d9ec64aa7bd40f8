#include "models/model_cases.h"

#include "autograd/ops/concat.h"
#include "layers/module_sample.h"
#include "models/registry.h"

namespace pixelgrad {
namespace {

OpSample model_sample(const std::string& name, Shape images, const ModelConfig& config) {
  return module_sample(
      name, std::move(images), [config] { return make_model(config); },
      [](Module& model, const Tensor& x) {
        const ModelOutput out = static_cast<SegmentationModel&>(model).forward(x);
        return out.aux ? concat({out.logits, out.aux}) : out.logits;
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

OpCase conv1x1_case() {
  OpCase model;
  model.name = "conv1x1";
  model.samples = {model_sample("two images", {2, 3, 5, 3},
                                {.name = "conv1x1", .in_channels = 3, .classes = 4})};
  return model;
}

/// A model on the narrowest ResNet. Four images, so that batch norm in a pyramid's single bin has
/// some values to work with.
OpSample resnet_sample(const std::string& name, const std::string& model, int64_t size,
                       OptionMap options) {
  options.insert({{"width", "2"}});
  return model_sample(
      name, {4, size, size, 3},
      {.name = model, .in_channels = 3, .classes = 3, .options = std::move(options)});
}

OpCase unet_resnet_case() {
  OpCase model;
  model.name = "unet-resnet18";
  model.samples = {resnet_sample(
      "bilinear, output stride 8", "unet-resnet18", 16,
      {{"decoder_channels", "4,4,4,2,2"}, {"upsample", "bilinear"}, {"output_stride", "8"}})};
  return model;
}

OpCase pspnet_case() {
  OpCase model;
  model.name = "pspnet-resnet18";
  model.samples = {
      resnet_sample("paper", "pspnet-resnet18", 17, {{"channels", "4"}}),
      resnet_sample(
          "smp", "pspnet-resnet18", 16,
          {{"style", "smp"}, {"channels", "4"}, {"encoder_depth", "5"}, {"output_stride", "8"}}),
  };
  return model;
}

OpCase pspnet_keras_case() {
  OpCase model;
  model.name = "pspnet-keras";
  model.samples = {model_sample(
      "two channels", {2, 8, 8, 3},
      {.name = "pspnet-keras", .in_channels = 3, .classes = 3, .options = {{"width", "2"}}})};
  return model;
}

OpCase deeplabv3_case() {
  OpCase model;
  model.name = "deeplabv3-resnet18";
  model.samples = {
      resnet_sample("auxiliary head", "deeplabv3-resnet18", 13,
                    {{"channels", "3"}, {"rates", "1,2,3"}}),
      resnet_sample("multi-grid, deep stem", "deeplabv3-resnet18", 13,
                    {{"channels", "3"},
                     {"rates", "1,2,3"},
                     {"multi_grid", "1,2"},
                     {"stem", "deep"},
                     {"aux_weight", "0"}}),
  };
  return model;
}

OpCase deeplabv3plus_case() {
  OpCase model;
  model.name = "deeplabv3plus-resnet18";
  const OptionMap narrow{{"channels", "3"}, {"low_level_channels", "2"}, {"rates", "1,2,3"}};
  OptionMap paper = narrow;
  paper["style"] = "paper";
  model.samples = {
      resnet_sample("smp", "deeplabv3plus-resnet18", 32, narrow),
      resnet_sample("paper", "deeplabv3plus-resnet18", 19, paper),
  };
  return model;
}

/// The blocks of the deeper ResNets, with the fewest parameters around them.
OpCase bottleneck_case() {
  OpCase model;
  model.name = "deeplabv3-resnet50";
  model.samples = {resnet_sample("stride on 1x1", "deeplabv3-resnet50", 9,
                                 {{"width", "1"},
                                  {"channels", "2"},
                                  {"rates", "1,2,3"},
                                  {"stride_on", "1x1"},
                                  {"aux_weight", "0"}})};
  return model;
}

}  // namespace

const std::vector<OpCase>& model_cases() {
  static const std::vector<OpCase> cases{
      unet_case(),      unet_resnet_case(), pspnet_case(),        pspnet_keras_case(),
      deeplabv3_case(), bottleneck_case(),  deeplabv3plus_case(), conv1x1_case()};
  return cases;
}

GradcheckOptions model_check_options() {
  return {.step = 1e-5, .tolerance = 1e-6, .check_all_up_to = 16, .samples = 16};
}

}  // namespace pixelgrad

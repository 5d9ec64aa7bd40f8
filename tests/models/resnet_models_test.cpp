// The models on ResNets, narrow: which images they take, what their options do, and what they say
// to values that make no sense.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "layers/init.h"
#include "models/registry.h"
#include "models/resnet.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

using testing::HasSubstr;

std::unique_ptr<SegmentationModel> narrow(const std::string& name, OptionMap options = {},
                                          int64_t in_channels = 3) {
  for (const ModelInfo& info : list_models())
    if (info.name == name && !info.options.empty()) options.try_emplace("width", "2");
  const InitScope scope(3);
  return make_model(
      {.name = name, .in_channels = in_channels, .classes = 4, .options = std::move(options)});
}

std::string refusal(const std::string& name, OptionMap options, const Shape& images = {}) {
  try {
    const auto model = narrow(name, std::move(options));
    (*model)(Tensor::zeros(images, Dtype::f32));
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

Tensor noise(const Shape& shape) {
  Tensor x = Tensor::empty(shape, Dtype::f32);
  fill_normal(x, {.seed = 6}, 0, 1);
  return x;
}

// Every name in the registry builds, takes any image once padded, and predicts each of its pixels.
TEST(ResNetModels, EveryModelPredictsImagesOfAnySizeOncePadded) {
  const NoGrad no_grad;
  for (const ModelInfo& info : list_models()) {
    const auto model = narrow(info.name, {}, 5);
    model->eval();
    const InputPadding p = model->input_padding(11, 18);
    const Shape padded{1, p.top + 11 + p.bottom, p.left + 18 + p.right, 5};
    const Shape logits = (*model)(noise(padded)).logits.shape();
    EXPECT_EQ(logits, (Shape{1, padded[1], padded[2], 4})) << info.name;
  }
}

TEST(ResNetModels, AreRebuiltFromTheirConfig) {
  for (const ModelInfo& info : list_models()) {
    if (info.family == "unet") continue;  // in registry_test.cpp
    const auto model = narrow(info.name), again = make_model(model->config());
    const auto shapes = [](const Module& m) {
      std::vector<std::string> out;
      for (const NamedTensor& t : m.state()) out.push_back(str(t.name, " ", t.tensor.shape()));
      return out;
    };
    EXPECT_EQ(shapes(*model), shapes(*again)) << info.name;
    EXPECT_EQ(model->config().options.size(), info.options.size()) << info.name;
  }
}

TEST(ResNetModels, SayWhichSizesTheyTake) {
  EXPECT_EQ(refusal("pspnet-resnet18", {}, {1, 17, 24, 3}),
            "[pspnet-resnet18] images are [1,17,24,3], expected height and width of 8 k + 1, at "
            "least 9 (input_padding says how much to add)");
  EXPECT_THAT(refusal("pspnet-resnet18", {{"style", "smp"}}, {1, 20, 24, 3}),
              HasSubstr("expected height and width of 8 k + 0, at least 8"));
  EXPECT_THAT(refusal("deeplabv3plus-resnet18", {}, {1, 24, 32, 3}), HasSubstr("of 16 k + 0"));
  EXPECT_THAT(refusal("pspnet-keras", {}, {1, 12, 16, 3}), HasSubstr("of 8 k + 0"));
  EXPECT_EQ(refusal("deeplabv3-resnet18", {}, {1, 0, 9, 3}),
            "[deeplabv3-resnet18] images are [1,0,9,3], expected height and width of at least 1");
  EXPECT_EQ(refusal("unet-resnet18", {}, {1, 9, 9, 2}),
            "[unet-resnet18] images are [1,9,9,2], expected [N,H,W,3]");
}

TEST(ResNetModels, RefuseOptionsThatMakeNoSense) {
  EXPECT_EQ(refusal("deeplabv3-resnet50", {{"rates", "6,12"}}),
            "[deeplabv3-resnet50] option rates has 2 numbers, expected 3");
  EXPECT_THAT(refusal("deeplabv3-resnet50", {{"rates", "6,12,0"}}), HasSubstr("rates has 0"));
  EXPECT_EQ(refusal("deeplabv3-resnet50", {{"multi_grid", "1,2"}}),
            "[resnet] multi_grid has 2 rates, expected one for each block of the last stage: 3");
  EXPECT_THAT(refusal("deeplabv3-resnet50", {{"output_stride", "4"}}),
              HasSubstr("option output_stride is '4', expected one of: 8, 16, 32"));
  EXPECT_THAT(refusal("pspnet-resnet18", {{"style", "mine"}}),
              HasSubstr("option style is 'mine', expected one of: paper, smp"));
  EXPECT_THAT(refusal("pspnet-resnet18", {{"bins", ""}}), HasSubstr("option bins is empty"));
  EXPECT_THAT(
      refusal("pspnet-resnet18", {{"style", "smp"}, {"encoder_depth", "3"}, {"aux_weight", "0.4"}}),
      HasSubstr("no third stage for an auxiliary head"));
  EXPECT_THAT(refusal("unet-resnet18", {{"decoder_channels", "8,4"}}),
              HasSubstr("decoder_channels has 2 numbers, expected 5"));
  EXPECT_THAT(refusal("deeplabv3plus-resnet50", {{"stem", "wide"}}), HasSubstr("plain, deep"));
}

TEST(ResNetModels, AuxiliaryLogitsAreThereInTrainingOnly) {
  for (const char* name : {"deeplabv3-resnet18", "pspnet-resnet18"}) {
    const auto model = narrow(name), without = narrow(name, {{"aux_weight", "0"}});
    const Tensor images = noise({2, 17, 25, 3});
    const ModelOutput out = (*model)(images);
    EXPECT_EQ(out.aux.shape(), out.logits.shape());
    EXPECT_GT(out.aux_weight, 0);
    EXPECT_FALSE((*without)(images).aux);
    model->eval();
    EXPECT_FALSE((*model)(images).aux);
  }
}

/// Sizes of what the stages put out for an image of 64 x 64.
std::vector<int64_t> stage_sizes(const ResNet::Options& options) {
  const NoGrad no_grad;
  ResNet net(options);
  net.eval();
  std::vector<int64_t> out;
  Tensor x = noise({1, 64, 64, 3});
  for (int stage = 0; stage <= 4; ++stage) {
    x = net.forward(x, stage, stage);
    EXPECT_EQ(x.shape(3), net.channels(stage));
    EXPECT_EQ(64 / x.shape(1), net.stride(stage));
    out.push_back(x.shape(1));
  }
  return out;
}

TEST(ResNet, KeepsResolutionBelowStride32) {
  using testing::ElementsAre;
  for (const int64_t depth : {18, 50})
    for (const bool on_1x1 : {false, true}) {
      ResNet::Options o{.depth = depth, .width = 2, .stride_on_1x1 = on_1x1};
      EXPECT_THAT(stage_sizes(o), ElementsAre(32, 16, 8, 4, 2));
      o.output_stride = 16;
      EXPECT_THAT(stage_sizes(o), ElementsAre(32, 16, 8, 4, 4));
      o.output_stride = 8;
      o.deep_stem = true;
      EXPECT_THAT(stage_sizes(o), ElementsAre(32, 16, 8, 8, 8));
    }
}

/// The dilations of a ResNet's 3x3 convolutions in stages 3 and 4.
std::vector<int64_t> dilations(const ResNet::Options& options) {
  const ResNet net(options);
  std::vector<int64_t> out;
  net.visit([&](const std::string& path, const Module& m) {
    const auto* conv = dynamic_cast<const Conv2d*>(&m);
    if (conv && conv->options().kernel_size == 3 && path >= "layer3") {
      EXPECT_EQ(conv->options().padding, Padding(conv->options().dilation)) << path;
      out.push_back(conv->options().dilation);
    }
  });
  return out;
}

// torchvision's first block of a dilated stage keeps the dilation of the stage before.
TEST(ResNet, DilatesByBothConventions) {
  using testing::ElementsAre;
  ResNet::Options o{.depth = 50, .width = 1, .output_stride = 8};
  EXPECT_THAT(dilations(o), ElementsAre(1, 2, 2, 2, 2, 2, 2, 4, 4));
  o.first_keeps_dilation = false;
  EXPECT_THAT(dilations(o), ElementsAre(2, 2, 2, 2, 2, 2, 4, 4, 4));
  o.output_stride = 16;
  o.multi_grid = {1, 2, 4};  // DeepLabV3: times the stage's 2
  EXPECT_THAT(dilations(o), ElementsAre(1, 1, 1, 1, 1, 1, 2, 4, 8));
}

}  // namespace
}  // namespace pixelgrad

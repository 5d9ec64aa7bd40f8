// What a network costs, against values worked out by hand, torchvision's table of layers, published
// receptive fields, and the pixels that logits really depend on.
#include "models/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "autograd/ops/activation.h"
#include "autograd/ops/reduce.h"
#include "autograd/trace.h"
#include "models/registry.h"

namespace pixelgrad {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;

ModelSummary summary_of(const ModelConfig& config, int64_t height, int64_t width) {
  const DryRun no_first_values;
  return summarize(*make_model(config), height, width);
}

const LayerSummary& layer(const ModelSummary& summary, const std::string& name) {
  for (const LayerSummary& l : summary.layers)
    if (l.name == name) return l;
  throw Error("no layer " + name);
}

auto is_layer(const std::string& name, const std::string& type, const Shape& shape,
              int64_t parameters, int64_t macs, int64_t field) {
  return AllOf(Field("name", &LayerSummary::name, name), Field("type", &LayerSummary::type, type),
               Field("shape", &LayerSummary::shape, shape),
               Field("parameters", &LayerSummary::parameters, parameters),
               Field("macs", &LayerSummary::macs, macs),
               Field("activation_bytes", &LayerSummary::activation_bytes, 4 * numel(shape)),
               Field("receptive_field", &LayerSummary::receptive_field,
                     AllOf(Field("height", &ReceptiveField::height, field),
                           Field("width", &ReceptiveField::width, field),
                           Field("whole_image", &ReceptiveField::whole_image, false))));
}

// A convolution from i to o channels has 9 i o weights and o biases, and 9 i o multiply-adds for
// each pixel; the 2x2 transposed one 4 i o for each pixel of its input. A 3x3 convolution widens
// what is seen by twice the distance of the pixels, a pooling of 2 by one, and doubles it.
TEST(Summary, OfATinyUNetIsWhatHandsCompute) {
  const ModelSummary s = summary_of({.name = "unet",
                                     .in_channels = 1,
                                     .classes = 3,
                                     .options = {{"width", "2"}, {"depth", "1"}, {"norm", "none"}}},
                                    8, 8);
  EXPECT_THAT(
      s.layers,
      ElementsAre(is_layer("inc.double_conv.0", "Conv2d(1 -> 2, kernel 3, padding 1)", {1, 8, 8, 2},
                           20, 1152, 3),
                  is_layer("", "relu", {1, 8, 8, 2}, 0, 0, 3),
                  is_layer("inc.double_conv.2", "Conv2d(2 -> 2, kernel 3, padding 1)", {1, 8, 8, 2},
                           38, 2304, 5),
                  is_layer("", "relu", {1, 8, 8, 2}, 0, 0, 5),
                  is_layer("", "max_pool2d", {1, 4, 4, 2}, 0, 0, 6),
                  is_layer("down1.maxpool_conv.1.double_conv.0",
                           "Conv2d(2 -> 4, kernel 3, padding 1)", {1, 4, 4, 4}, 76, 1152, 10),
                  is_layer("", "relu", {1, 4, 4, 4}, 0, 0, 10),
                  is_layer("down1.maxpool_conv.1.double_conv.2",
                           "Conv2d(4 -> 4, kernel 3, padding 1)", {1, 4, 4, 4}, 148, 2304, 14),
                  is_layer("", "relu", {1, 4, 4, 4}, 0, 0, 14),
                  is_layer("up1.up", "ConvTranspose2d(4 -> 2, kernel 2, stride 2)", {1, 8, 8, 2},
                           34, 512, 14),
                  is_layer("up1.conv.double_conv.0", "Conv2d(4 -> 2, kernel 3, padding 1)",
                           {1, 8, 8, 2}, 74, 4608, 16),
                  is_layer("", "relu", {1, 8, 8, 2}, 0, 0, 16),
                  is_layer("up1.conv.double_conv.2", "Conv2d(2 -> 2, kernel 3, padding 1)",
                           {1, 8, 8, 2}, 38, 2304, 18),
                  is_layer("", "relu", {1, 8, 8, 2}, 0, 0, 18),
                  is_layer("outc.conv", "Conv2d(2 -> 3, kernel 1)", {1, 8, 8, 3}, 9, 384, 18)));
  EXPECT_EQ(s.parameters, 437);
  EXPECT_EQ(s.trainable, 437);
  EXPECT_EQ(s.training_only, 0);
  EXPECT_EQ(s.buffers, 0);
  EXPECT_EQ(s.macs, 14720);
  EXPECT_EQ(s.activation_bytes, 4 * (9 * 128 + 32 + 4 * 64 + 192));
  EXPECT_EQ(s.receptive_field.height, 18);
  EXPECT_EQ(s.receptive_field.width, 18);
}

// Ronneberger et al. 2015, figure 1: 572 pixels become 388.
TEST(Summary, OfThePapersUNetHasItsSizes) {
  const ModelSummary s = summary_of(
      {.name = "unet", .in_channels = 1, .classes = 2, .options = {{"padding", "valid"}}}, 572,
      572);
  EXPECT_EQ(s.logits, (Shape{1, 388, 388, 2}));
  EXPECT_EQ(s.parameters, 31'030'658);
}

// tests/fixtures/layers: the hooks' view of torchvision's network, with the auxiliary head that it
// runs in evaluation as well.
TEST(Summary, OfDeepLabV3IsTorchvisionsLayerByLayer) {
  const ModelSummary s = summary_of({.name = "deeplabv3-resnet50", .classes = 21}, 512, 512);
  std::ifstream file(PIXELGRAD_FIXTURES "/layers/deeplabv3_resnet50_512.csv");
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  int convolutions = 0;
  int64_t macs = 0;
  while (std::getline(file, line)) {
    std::vector<std::string> cells;
    std::istringstream cut(line);
    for (std::string cell; std::getline(cut, cell, ',');) cells.push_back(cell);
    ASSERT_EQ(cells.size(), 10u) << line;
    if (cells[1].starts_with("conv") && !cells[0].starts_with("aux_classifier.")) {
      const LayerSummary& ours = layer(s, cells[0]);
      int64_t c = 0, h = 0, w = 0;
      ASSERT_EQ(std::sscanf(cells[8].c_str(), "%ldx%ldx%ld", &c, &h, &w), 3) << line;
      EXPECT_EQ(ours.shape, (Shape{1, h, w, c})) << line;
      EXPECT_EQ(ours.macs, std::stoll(cells[9])) << line;
      macs += ours.macs;
      ++convolutions;
    }
  }
  EXPECT_EQ(convolutions, 61);
  EXPECT_EQ(s.macs, macs) << "there are others";
  EXPECT_EQ(s.parameters, 42'004'074);
  // 3x3 from 1024 to 256 channels with batch norm, 1x1 to 21 classes with bias
  EXPECT_EQ(s.training_only, 1024 * 256 * 9 + 2 * 256 + 256 * 21 + 21);
  EXPECT_EQ(s.logits, (Shape{1, 512, 512, 21}));
  EXPECT_TRUE(s.receptive_field.whole_image);
  EXPECT_EQ(s.receptive_field.height, 512);
}

// The documentation of torchvision's weights says 178.72 and 258.74 billion at 520 x 520. That
// counts the auxiliary head, at 65 x 65 pixels.
TEST(Summary, CountsAsManyMultiplyAddsAsTorchvisionQuotes) {
  const double head = 65. * 65 * (1024 * 256 * 9 + 256 * 21);
  const auto billions = [&](const char* name) {
    const ModelSummary s = summary_of({.name = name, .classes = 21}, 520, 520);
    return std::round((static_cast<double>(s.macs) + head) * 1e-7) / 100;
  };
  EXPECT_EQ(billions("deeplabv3-resnet50"), 178.72);
  EXPECT_EQ(billions("deeplabv3-resnet101"), 258.74);
}

// torch.utils.flop_counter on the networks of segmentation_models_pytorch 0.6, halved.
TEST(Summary, CountsAsManyMultiplyAddsAsPyTorch) {
  const auto macs = [](const char* name, int64_t classes, const OptionMap& options = {}) {
    return summary_of({.name = name, .classes = classes, .options = options}, 256, 320).macs;
  };
  EXPECT_EQ(macs("unet-resnet34", 19), 9'979'822'080);
  EXPECT_EQ(macs("deeplabv3plus-resnet50", 21), 11'451'957'248);
  EXPECT_EQ(macs("pspnet-resnet50", 21, {{"style", "smp"}}), 3'759'144'960);
}

// Araujo, Norris and Sim 2019, table 1, ResNet-v1: their stages end with the stride, which is as if
// the next one's first 1x1 convolution had it. In the 3x3 behind that, which then still has the
// finer grid, it takes 8 + 16 + 32 pixels away.
TEST(Summary, ReceptiveFieldsOfResNetsArePublished) {
  const auto field = [](int depth, const char* stride_on, const std::string& last) {
    return layer(summary_of(
                     {.name = str("unet-resnet", depth), .options = {{"stride_on", stride_on}}}, 64,
                     64),
                 "encoder.layer4." + last)
        .receptive_field.height;
  };
  EXPECT_EQ(field(50, "1x1", "2.bn3"), 483);
  EXPECT_EQ(field(101, "1x1", "2.bn3"), 1027);
  EXPECT_EQ(field(152, "1x1", "2.bn3"), 1507);
  EXPECT_EQ(field(50, "3x3", "2.bn3"), 483 - 56);
}

/// The widest range of the image's columns that a column of the logits depends on. Weights and
/// image are positive, so that every path shows: a larger pixel makes everything behind it larger.
int64_t columns_seen(const ModelConfig& config, int64_t height, int64_t width) {
  const NoGrad no_grad;
  const auto model = make_model(config);
  model->to(Dtype::f64);
  model->eval();
  for (NamedTensor& p : model->parameters())
    if (p.tensor.dims() == 4)
      for (int64_t i = 0; i < p.tensor.numel(); ++i) {
        double& v = p.tensor.mutable_data<double>()[i];
        v = 0.1 + std::abs(v);
      }
  const auto run = [&](int64_t column) {
    Tensor image = Tensor::full({1, height, width, 1}, 1, Dtype::f64);
    if (column >= 0)
      for (int64_t y = 0; y < height; ++y) image.mutable_data<double>()[y * width + column] = 3;
    return model->forward(image).logits.clone();
  };
  const Tensor before = run(-1);
  const int64_t out_h = before.shape(1), out_w = before.shape(2), middle = out_h / 2;
  std::vector<int64_t> first(static_cast<size_t>(out_w), -1), last = first;
  for (int64_t column = 0; column < width; ++column) {
    const Tensor after = run(column);
    for (int64_t x = 0; x < out_w; ++x) {
      const int64_t at = middle * out_w + x;
      if (std::abs(after.data<double>()[at] / before.data<double>()[at] - 1) < 1e-13) continue;
      int64_t& begin = first[static_cast<size_t>(x)];
      if (begin < 0) begin = column;
      last[static_cast<size_t>(x)] = column;
    }
  }
  int64_t widest = 0;
  for (size_t x = 0; x < first.size(); ++x) widest = std::max(widest, last[x] - first[x] + 1);
  return widest;
}

TEST(Summary, ReceptiveFieldIsWhatLogitsDependOn) {
  const auto unet = [](OptionMap options) {
    options.insert({{"width", "2"}, {"norm", "none"}});
    return ModelConfig{.name = "unet", .in_channels = 1, .classes = 1, .options = options};
  };
  const auto expect_equal = [](const ModelConfig& config, int64_t height, int64_t width) {
    EXPECT_EQ(summary_of(config, height, width).receptive_field.width,
              columns_seen(config, height, width))
        << config.options.at("depth");
  };
  expect_equal(unet({{"depth", "1"}}), 8, 64);
  expect_equal(unet({{"depth", "2"}}), 8, 128);
  expect_equal(unet({{"depth", "1"}, {"padding", "valid"}}), 32, 64);
  // Corners aligned: pixels move against each other by less than one over the whole image.
  const ModelConfig bilinear = unet({{"depth", "1"}, {"decoder", "bilinear"}});
  const int64_t field = summary_of(bilinear, 8, 64).receptive_field.width;
  const int64_t seen = columns_seen(bilinear, 8, 64);
  EXPECT_GE(field, seen);
  EXPECT_LE(field, seen + 1);
}

TEST(Summary, WorksForEveryModelAndLeavesItAsItWas) {
  for (const ModelInfo& info : list_models()) {
    const OptionMap narrow = info.options.empty() ? OptionMap{} : OptionMap{{"width", "4"}};
    const auto model = make_model({.name = info.name, .classes = 5, .options = narrow});
    const InputPadding add = model->input_padding(64, 96);
    const int64_t height = add.top + 64 + add.bottom, width = add.left + 96 + add.right;
    const auto values = [&] {
      std::vector<std::vector<double>> all;
      for (const NamedTensor& t : model->state()) all.push_back(t.tensor.to_doubles());
      return all;
    };
    const auto before = values();
    const ModelSummary s = summarize(*model, height, width);
    EXPECT_EQ(s.parameters, model->parameter_count()) << info.name;
    EXPECT_EQ(s.logits, (Shape{1, height, width, 5})) << info.name;
    EXPECT_GT(s.macs, 0) << info.name;
    int64_t of_layers = 0;
    for (const LayerSummary& l : s.layers) of_layers += l.parameters;
    EXPECT_EQ(of_layers + s.training_only, s.parameters) << info.name;
    EXPECT_TRUE(model->training()) << info.name;
    model->checkpoint_activations(true);
    EXPECT_EQ(summarize(*model, height, width).layers.size(), s.layers.size()) << info.name;
    model->checkpoint_activations(false);
    EXPECT_EQ(values(), before) << info.name;
    // and it can still compute
    EXPECT_EQ(model->forward(Tensor::full({1, height, width, 3}, 0.5, Dtype::f32)).logits.shape(),
              s.logits);
  }
}

TEST(Summary, NamesWhatAModelCannotTake) {
  const auto refusal = [](const ModelConfig& config, int64_t height, int64_t width) {
    try {
      summary_of(config, height, width);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  EXPECT_THAT(refusal({.name = "unet"}, 0, 8), HasSubstr("0 x 8, expected at least 1 x 1"));
  EXPECT_THAT(refusal({.name = "unet"}, 100, 128), HasSubstr("[1,100,128,3], expected height"));
  const NoGrad no_grad;
  EXPECT_THAT(refusal({.name = "unet"}, 128, 128), HasSubstr("a NoGrad scope is open"));
}

TEST(Trace, NotesOpsAndTheirWindows) {
  Trace trace;
  const Tensor x = require_grad(Tensor::empty({2, 4, 6, 3}, Dtype::f32));
  const Tensor constant = Tensor::empty({2, 4, 6, 3}, Dtype::f32);
  relu(constant);  // needs no gradient
  const Tensor y = sum(relu(x));
  ASSERT_EQ(trace.ops().size(), 2u);
  EXPECT_EQ(trace.ops()[0].name, "relu");
  EXPECT_EQ(trace.ops()[0].inputs[0].leaf, x.source());
  ASSERT_TRUE(trace.ops()[0].window.has_value());
  EXPECT_EQ(trace.ops()[0].window->height.span, 1);
  EXPECT_EQ(trace.ops()[1].inputs[0].op, 0);
  EXPECT_FALSE(trace.ops()[1].window.has_value()) << "a sum has no pixels";
  EXPECT_EQ(trace.index_of(y), 1);
  EXPECT_THROW(trace.index_of(constant), Error);
}

}  // namespace
}  // namespace pixelgrad

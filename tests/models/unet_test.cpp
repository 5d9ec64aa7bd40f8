#include "models/unet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "autograd/gradcheck.h"
#include "layers/init.h"
#include "layers/step_scope.h"
#include "models/registry.h"
#include "optim/adam.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

using testing::HasSubstr;

std::unique_ptr<SegmentationModel> tiny(OptionMap options, int64_t classes = 2) {
  options.try_emplace("width", "2");
  options.try_emplace("depth", "2");
  const InitScope scope(3);
  return make_model({.name = "unet", .classes = classes, .options = std::move(options)});
}

std::string refusal(SegmentationModel& model, const Shape& images) {
  try {
    model(Tensor::zeros(images, Dtype::f32));
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

TEST(UNet, ParametersHaveTheNamesOfThePyTorchImplementation) {
  const auto model = tiny({{"depth", "1"}});
  std::vector<std::string> names;
  for (const NamedTensor& p : model->parameters()) names.push_back(p.name);
  EXPECT_THAT(
      names,
      testing::ElementsAre(
          "inc.double_conv.0.weight", "inc.double_conv.1.weight", "inc.double_conv.1.bias",
          "inc.double_conv.3.weight", "inc.double_conv.4.weight", "inc.double_conv.4.bias",
          "down1.maxpool_conv.1.double_conv.0.weight", "down1.maxpool_conv.1.double_conv.1.weight",
          "down1.maxpool_conv.1.double_conv.1.bias", "down1.maxpool_conv.1.double_conv.3.weight",
          "down1.maxpool_conv.1.double_conv.4.weight", "down1.maxpool_conv.1.double_conv.4.bias",
          "up1.up.weight", "up1.up.bias", "up1.conv.double_conv.0.weight",
          "up1.conv.double_conv.1.weight", "up1.conv.double_conv.1.bias",
          "up1.conv.double_conv.3.weight", "up1.conv.double_conv.4.weight",
          "up1.conv.double_conv.4.bias", "outc.conv.weight", "outc.conv.bias"));
}

// The figure in the paper: 572 x 572 in, 388 x 388 out.
TEST(UNet, ValidPaddingGivesThePapersSize) {
  const auto model = tiny({{"depth", "4"}, {"padding", "valid"}});
  const NoGrad no_grad;
  EXPECT_EQ((*model)(Tensor::zeros({1, 572, 188, 3}, Dtype::f32)).logits.shape(),
            (Shape{1, 388, 4, 2}));
  const InputPadding p = model->input_padding(388, 4);
  EXPECT_EQ(p.top, 92);
  EXPECT_EQ(p.bottom, 92);
  EXPECT_EQ(p.left, 92);
  EXPECT_EQ(p.right, 92);
}

TEST(UNet, SaysWhichSizesItTakes) {
  const auto same = tiny({{"depth", "4"}}), valid = tiny({{"depth", "4"}, {"padding", "valid"}});
  EXPECT_EQ(refusal(*same, {1, 48, 50, 3}),
            "[unet] images are [1,48,50,3], expected height and width of 16 k + 0, at least 16 "
            "(input_padding says how much to add)");
  EXPECT_EQ(refusal(*valid, {1, 172, 188, 3}),
            "[unet] images are [1,172,188,3], expected height and width of 16 k + 12, at least 188 "
            "(input_padding says how much to add)");
  EXPECT_EQ(refusal(*same, {1, 48, 48, 1}), "[unet] images are [1,48,48,1], expected [N,H,W,3]");
  EXPECT_EQ(refusal(*same, {48, 48, 3}), "[unet] images are [48,48,3], expected [N,H,W,3]");
  EXPECT_THAT(refusal(*same, {1, 0, 16, 3}), HasSubstr("at least 16"));
}

/// Sizes around the multiples, padded as the model asks.
class UNetPadding : public testing::TestWithParam<OptionMap> {};

TEST_P(UNetPadding, AnySizeFitsOncePadded) {
  const auto model = tiny(GetParam());
  const NoGrad no_grad;
  for (const auto& [height, width] : {std::pair<int64_t, int64_t>{1, 5}, {7, 8}, {9, 4}}) {
    const InputPadding p = model->input_padding(height, width);
    EXPECT_GE(std::min({p.top, p.bottom, p.left, p.right}), 0);
    const Tensor images =
        Tensor::zeros({1, p.top + height + p.bottom, p.left + width + p.right, 3}, Dtype::f32);
    const Shape logits = (*model)(images).logits.shape();
    EXPECT_GE(logits[1], height);
    EXPECT_GE(logits[2], width);
    EXPECT_LT(logits[1], height + 8) << "more padding than needed";
    EXPECT_LT(logits[2], width + 8) << "more padding than needed";
  }
}
INSTANTIATE_TEST_SUITE_P(
    All, UNetPadding,
    testing::Values(OptionMap{}, OptionMap{{"depth", "3"}}, OptionMap{{"decoder", "bilinear"}},
                    OptionMap{{"padding", "valid"}},
                    OptionMap{{"padding", "valid"}, {"decoder", "bilinear"}, {"depth", "1"}}));

// With padding=valid the top-left pixel of the logits is the image's own: away from the border,
// where padding does not show, both kinds of network predict the same from the same weights.
TEST(UNet, LogitsOfValidPaddingStartAtTheImage) {
  const auto valid = tiny({{"padding", "valid"}, {"depth", "1"}});
  const auto same = tiny({{"norm", "none"}, {"depth", "1"}});
  for (size_t i = 0; i < valid->parameters().size(); ++i)
    same->parameters()[i].tensor.copy_from(valid->parameters()[i].tensor);
  const NoGrad no_grad;
  constexpr int64_t size = 28;
  const InputPadding p = valid->input_padding(size, size);
  Tensor image = Tensor::empty({1, size, size, 3}, Dtype::f32);
  fill_normal(image, {.seed = 5}, 0, 1);
  const int64_t padded_size = p.top + size + p.bottom;
  Tensor padded = Tensor::zeros({1, padded_size, padded_size, 3}, Dtype::f32);
  for (int64_t y = 0; y < size; ++y)
    std::copy_n(image.data<float>() + y * size * 3, size * 3,
                padded.mutable_data<float>() + ((p.top + y) * padded_size + p.left) * 3);

  const Tensor a = (*valid)(padded).logits, b = (*same)(image).logits;
  double spread = 0;
  for (int64_t y = 10; y < size - 10; ++y)
    for (int64_t x = 10; x < size - 10; ++x)
      for (int64_t k = 0; k < 2; ++k) {
        const float expected = b.data<float>()[(y * b.shape(2) + x) * 2 + k];
        EXPECT_NEAR(a.data<float>()[(y * a.shape(2) + x) * 2 + k], expected, 1e-5)
            << y << ", " << x;
        spread = std::max(spread, std::fabs(static_cast<double>(
                                      expected - b.data<float>()[(10 * b.shape(2) + 10) * 2 + k])));
      }
  EXPECT_GT(spread, 0.01) << "the logits do not vary, so that nothing was compared";
}

TEST(UNet, DropsOutInTrainingOnly) {
  const auto model = tiny({{"dropout", "0.5"}});
  const auto plain = tiny({});
  Tensor images = Tensor::empty({1, 8, 8, 3}, Dtype::f32);
  fill_normal(images, {.seed = 6}, 0, 1);
  const NoGrad no_grad;
  const auto logits = [&](SegmentationModel& m, uint64_t step) {
    const StepScope scope(1, step);
    return m(images).logits.to_doubles();
  };
  EXPECT_EQ(logits(*model, 1), logits(*model, 1));
  EXPECT_NE(logits(*model, 1), logits(*model, 2));
  EXPECT_EQ(logits(*plain, 1), logits(*plain, 2));
  model->eval();
  EXPECT_EQ(logits(*model, 1), logits(*model, 2));
}

/// Mean of -log softmax(logits)[label] over pixels, and its gradient with respect to the logits.
std::pair<double, Tensor> cross_entropy_by_hand(const Tensor& logits,
                                                const std::vector<size_t>& labels) {
  const auto classes = static_cast<size_t>(logits.shape(3));
  const std::vector<double> z = logits.to_doubles();
  std::vector<float> gradient(z.size());
  double loss = 0;
  const auto pixels = static_cast<double>(labels.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    double sum = 0;
    for (size_t k = 0; k < classes; ++k) sum += std::exp(z[i * classes + k]);
    for (size_t k = 0; k < classes; ++k) {
      const double p = std::exp(z[i * classes + k]) / sum;
      gradient[i * classes + k] = static_cast<float>((p - (labels[i] == k ? 1 : 0)) / pixels);
      if (labels[i] == k) loss -= std::log(p) / pixels;
    }
  }
  return {loss, Tensor::from<float>(logits.shape(), gradient)};
}

// Two images of squares and stripes: a network that trains at all learns them by heart.
TEST(UNet, LearnsTwoImagesByHeart) {
  const auto model = tiny({{"width", "8"}}, 3);
  constexpr int64_t size = 16;
  Tensor images = Tensor::empty({2, size, size, 3}, Dtype::f32);
  fill_normal(images, {.seed = 21}, 0, 0.3);
  std::vector<size_t> labels;
  float* pixel = images.mutable_data<float>();
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t y = 0; y < size; ++y)
      for (int64_t x = 0; x < size; ++x, pixel += 3) {
        const size_t label = (y / 4 + n) % 3 == 0 ? 1 : x > 3 && x < 11 ? 2 : 0;
        pixel[label] += 1;
        labels.push_back(label);
      }

  AdamW optimizer(model->parameters(), {.weight_decay = 0});
  double first = 0, last = 0;
  for (uint64_t step = 0; step < 60; ++step) {
    model->clear_gradients();
    const Tensor logits = (*model)(images).logits;
    const auto [loss, gradient] = cross_entropy_by_hand(logits, labels);
    backward(logits, gradient);
    optimizer.step(0.01, model->gradients());
    (step == 0 ? first : last) = loss;
  }
  EXPECT_GT(first, 0.5);  // a guess is log 3 = 1.0986
  EXPECT_LT(last, 0.05);
}

}  // namespace
}  // namespace pixelgrad

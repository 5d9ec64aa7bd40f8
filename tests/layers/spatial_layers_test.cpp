// Layers that change the size of images, and Linear.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "layers/conv.h"
#include "layers/linear.h"
#include "layers/pool.h"
#include "layers/sequential.h"
#include "layers/upsample.h"

namespace pixelgrad {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const UsageError& e) {
    return e.what();
  }
  return "accepted";
}

Tensor zeros(Shape shape) { return Tensor::zeros(std::move(shape), Dtype::f32); }

TEST(PoolLayers, PassTheirOptionsOn) {
  // floor((11 + 2 - 4 - 1) / 2) + 1 = 5 and floor((9 + 2 - 4 - 1) / 2) + 1 = 4
  MaxPool2d max({.kernel_size = 3, .stride = 2, .padding = 1, .dilation = 2});
  EXPECT_EQ(max(zeros({1, 11, 9, 2})).shape(), (Shape{1, 5, 4, 2}));
  EXPECT_EQ(max.describe(), "MaxPool2d(kernel 3, stride 2, padding 1, dilation 2)");
  MaxPool2d open({.ceil_mode = true});
  EXPECT_EQ(open(zeros({1, 5, 4, 1})).shape(), (Shape{1, 3, 2, 1}));
  AvgPool2d avg({.kernel_size = 3, .stride = 2, .padding = Padding::same});
  EXPECT_EQ(avg(zeros({1, 5, 4, 1})).shape(), (Shape{1, 3, 2, 1}));
  EXPECT_EQ(avg.describe(), "AvgPool2d(kernel 3, stride 2, padding same)");
  AvgPool2d inside({.kernel_size = 3, .stride = 1, .padding = 1, .count_include_pad = false});
  EXPECT_THAT(inside(Tensor::full({1, 2, 2, 1}, 6, Dtype::f32)).to_doubles(), Each(6));
  AdaptiveAvgPool2d bins({.height = 3, .width = 2});
  EXPECT_EQ(bins(zeros({2, 7, 7, 4})).shape(), (Shape{2, 3, 2, 4}));
  EXPECT_EQ(bins.describe(), "AdaptiveAvgPool2d(3 x 2)");
  EXPECT_THAT(refusal([] { AdaptiveAvgPool2d({.height = 0}); }), HasSubstr("size is 0 x 1"));
  GlobalAvgPool2d global;
  EXPECT_THAT(global(Tensor::from<float>({1, 1, 2, 2}, {1, 2, 3, 6})).to_doubles(),
              ElementsAre(2, 4));
}

TEST(UpsampleLayers, PassTheirOptionsOn) {
  const Tensor x = Tensor::from<float>({1, 1, 2, 1}, {1, 4});
  EXPECT_THAT(Upsample({})(x).to_doubles(), ElementsAre(1, 1, 4, 4, 1, 1, 4, 4));
  Upsample corners({.scale_factor = 2, .mode = UpsampleMode::bilinear, .align_corners = true});
  EXPECT_THAT(corners(x).to_doubles(), ElementsAre(1, 2, 3, 4, 1, 2, 3, 4));
  EXPECT_EQ(corners.describe(), "Upsample(x2, bilinear, align_corners)");
  EXPECT_EQ(Upsample({.scale_factor = 3, .mode = UpsampleMode::bicubic})(x).shape(),
            (Shape{1, 3, 6, 1}));
  EXPECT_THAT(refusal([] { Upsample({.scale_factor = 0}); }), HasSubstr("scale_factor is 0"));
  EXPECT_THAT(refusal([] { Upsample({.align_corners = true}); }), HasSubstr("mode is nearest"));

  PixelShuffle shuffle({.upscale_factor = 3});
  EXPECT_EQ(shuffle(zeros({2, 4, 5, 18})).shape(), (Shape{2, 12, 15, 2}));
  EXPECT_EQ(shuffle.describe(), "PixelShuffle(3)");
  EXPECT_THAT(refusal([] { PixelShuffle({.upscale_factor = 0}); }),
              HasSubstr("upscale_factor is 0"));
}

TEST(LinearLayer, StartsAsPyTorchs) {
  const InitScope scope(3);
  const Linear linear({.in_features = 64, .out_features = 500});
  EXPECT_EQ(linear.weight().shape(), (Shape{500, 64}));
  EXPECT_EQ(linear.bias().shape(), (Shape{500}));
  // U(-1/sqrt(in), 1/sqrt(in)) for both
  for (const Tensor& t : {linear.weight(), linear.bias()}) {
    const std::vector<double> values = t.to_doubles();
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    EXPECT_GE(*low, -0.125);
    EXPECT_LT(*low, -0.12);
    EXPECT_LE(*high, 0.125);
    EXPECT_GT(*high, 0.12);
  }
  EXPECT_EQ(linear.parameter_count(), 64 * 500 + 500);
  EXPECT_EQ(linear.describe(), "Linear(64 -> 500)");
}

TEST(LinearLayer, MultipliesTheLastDimension) {
  Linear linear({.in_features = 2, .out_features = 1, .bias = false});
  EXPECT_FALSE(linear.bias().defined());
  EXPECT_EQ(linear.describe(), "Linear(2 -> 1, no bias)");
  Tensor weight = linear.weight();
  weight.copy_from(Tensor::from<float>({1, 2}, {10, 1}));
  const Tensor y = linear(Tensor::from<float>({1, 2, 1, 2}, {1, 2, 3, 4}));
  EXPECT_EQ(y.shape(), (Shape{1, 2, 1, 1}));
  EXPECT_THAT(y.to_doubles(), ElementsAre(12, 34));
  EXPECT_EQ(refusal([] { Linear({.in_features = 0}); }),
            "[linear] in_features is 0, expected at least 1");
}

TEST(ConvLayers, TakePaddingSame) {
  Conv2d conv({.kernel_size = 4, .stride = 2, .padding = Padding::same});
  EXPECT_EQ(conv(zeros({1, 7, 8, 1})).shape(), (Shape{1, 4, 4, 1}));
  EXPECT_EQ(conv.describe(), "Conv2d(1 -> 1, kernel 4, stride 2, padding same)");
  ConvTranspose2d up({.kernel_size = 3, .padding = Padding::same});
  EXPECT_EQ(up(zeros({1, 7, 8, 1})).shape(), (Shape{1, 14, 16, 1}));
}

TEST(SequentialLayer, HoldsAClassifier) {
  Sequential net;
  net.append<Conv2d>({.in_channels = 3, .out_channels = 8, .padding = Padding::same});
  net.append<MaxPool2d>({.kernel_size = 3, .stride = 2, .padding = 1});
  net.append<GlobalAvgPool2d>();
  net.append<Linear>({.in_features = 8, .out_features = 5});
  EXPECT_EQ(net(zeros({2, 9, 9, 3})).shape(), (Shape{2, 1, 1, 5}));
}

}  // namespace
}  // namespace pixelgrad

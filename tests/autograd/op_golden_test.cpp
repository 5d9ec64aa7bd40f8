// Numbers that others computed: PyTorch 2 in f64 (the call stands above each), or by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/ops.h"
#include "tests/autograd/golden.h"

namespace pixelgrad {
namespace {

using ::testing::ElementsAre;

// torch.sigmoid, F.leaky_relu(x, .01)
TEST(Activation, Values) {
  expect_near(sigmoid(vec({-800, -2, 0, .5, 40, 800})),
              {0, 0.11920292202211755, 0.5, 0.6224593312018546, 1, 1});
  expect_near(leaky_relu(vec({-2, 0, 3})), {-0.02, 0, 3}, 0);
  expect_near(relu(vec({-inf, -2, 0, 3, inf})), {0, 0, 0, 3, inf}, 0);
}

TEST(Activation, NanAndInfinityInF32) {
  const auto f32 = [](const std::vector<double>& v) { return vec(v).to(Dtype::f32); };
  // nine values: vectors and a rest on every target
  const std::vector<double> x = {nan, -inf, inf, 0, nan, -inf, inf, 0, nan};
  const auto y = sigmoid(f32(x)).to_doubles();
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i]))
      EXPECT_TRUE(std::isnan(y[i])) << i;
    else
      EXPECT_EQ(y[i], x[i] == 0 ? 0.5 : x[i] > 0 ? 1 : 0) << i;
  }
  EXPECT_TRUE(std::isnan(relu(f32(x)).to_doubles()[0]));
  EXPECT_TRUE(std::isnan(leaky_relu(f32(x)).to_doubles()[8]));
}

TEST(Activation, GradientAtZeroIsZero) {
  const Tensor x = leaf({3}, {-1, 0, 2});
  backward(relu(x), vec({5, 7, inf}));
  expect_near(grad(x), {0, 0, inf}, 0);
}

const std::vector<double> image4x4 = {1, 5, 2, 7, 5, 3, 7, 7, 0, -1, 4, 4, 2, 2, 4, 3};

// F.max_pool2d(x, 2), with ties: the first in reading order has the gradient
TEST(MaxPool, Ties) {
  const Tensor x = leaf({1, 4, 4, 1}, image4x4);
  const Tensor y = max_pool2d(x);
  expect_near(y, {5, 7, 2, 4}, 0);
  backward(y, Tensor::from<double>({1, 2, 2, 1}, {1, 2, 3, 4}));
  expect_near(grad(x), {0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 4, 0, 3, 0, 0, 0}, 0);
}

// F.max_pool2d(x, 3, 2, 1)
TEST(MaxPool, Padded) {
  const Tensor x = leaf({1, 4, 4, 1}, image4x4);
  const Tensor y = max_pool2d(x, {.kernel_size = 3, .stride = 2, .padding = 1});
  expect_near(y, {5, 7, 5, 7}, 0);
  backward(y, Tensor::from<double>({1, 2, 2, 1}, {1, 2, 3, 4}));
  expect_near(grad(x), {0, 1, 0, 2, 3, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0);
}

// F.max_pool2d(x, 2, stride=1, padding=1, dilation=2).backward(arange(1, 17))
TEST(MaxPool, Dilated) {
  const Tensor x = leaf({1, 4, 4, 1}, image4x4);
  const Tensor y = max_pool2d(x, {.kernel_size = 2, .stride = 1, .padding = 1, .dilation = 2});
  expect_near(y, {3, 7, 7, 7, 5, 4, 7, 4, 3, 7, 7, 7, -1, 4, 4, 4}, 0);
  std::vector<double> dy;
  for (int i = 1; i <= 16; ++i) dy.push_back(i);
  backward(y, Tensor::from({1, 4, 4, 1}, dy));
  expect_near(grad(x), {0, 5, 0, 7, 0, 10, 28, 14, 0, 13, 44, 15, 0, 0, 0, 0}, 0);
}

// F.max_pool2d([[1, nan], [5, nan]], 2)
TEST(MaxPool, NanWins) {
  const Tensor x = leaf({1, 2, 2, 1}, {1, nan, 5, nan});
  const Tensor y = max_pool2d(x);
  EXPECT_TRUE(std::isnan(y.item()));
  backward(y);
  expect_near(grad(x), {0, 0, 0, 1}, 0);
}

TEST(MaxPool, OfMinusInfinityPassesTheGradientOn) {
  const Tensor x = leaf({1, 2, 2, 1}, {-inf, -inf, -inf, -inf});
  const Tensor y = max_pool2d(x);
  EXPECT_EQ(y.item(), -inf);
  backward(y);
  expect_near(grad(x), {1, 0, 0, 0}, 0);
}

// F.avg_pool2d(torch.ones(1, 1, 2, 2), 3, 1, 1, count_include_pad=...)
TEST(AvgPool, CountsThePaddingOrNot) {
  const Tensor x = Tensor::full({1, 2, 2, 1}, 1, Dtype::f64);
  const AvgPool2dSpec spec{.kernel_size = 3, .stride = 1, .padding = 1};
  const double part = 4.0 / 9;
  expect_near(avg_pool2d(x, spec), {part, part, part, part});
  AvgPool2dSpec without = spec;
  without.count_include_pad = false;
  expect_near(avg_pool2d(x, without), {1, 1, 1, 1});
}

// F.interpolate(x, (4, 4), mode='bilinear', align_corners=...).backward(arange(1, 17))
TEST(Upsample, Bilinear) {
  std::vector<double> dy;
  for (int i = 1; i <= 16; ++i) dy.push_back(i);
  const Tensor x = leaf({1, 2, 2, 1}, {1, 2, 3, 4});
  const Tensor y = upsample(x, 4, 4, {.mode = UpsampleMode::bilinear});
  expect_near(y, {1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4});
  backward(y, Tensor::from({1, 4, 4, 1}, dy));
  expect_near(grad(x), {16.5, 23.5, 44.5, 51.5});
}

TEST(Upsample, BilinearWithAlignedCorners) {
  std::vector<double> dy;
  for (int i = 1; i <= 16; ++i) dy.push_back(i);
  const Tensor x = leaf({1, 2, 2, 1}, {1, 2, 3, 4});
  const Tensor y = upsample(x, 4, 4, {.mode = UpsampleMode::bilinear, .align_corners = true});
  const double t = 1.0 / 3;
  expect_near(
      y, {1, 1 + t, 2 - t, 2, 2 - t, 2, 2 + t, 3 - t, 2 + t, 3 - t, 3, 3 + t, 3, 3 + t, 4 - t, 4});
  backward(y, Tensor::from({1, 4, 4, 1}, dy));
  expect_near(grad(x), {17 + t, 24, 44, 51 - t});
}

// F.interpolate(arange(1, 6), 3, mode='bilinear', align_corners=...).backward([1, -2, 4])
TEST(Upsample, BilinearDown) {
  const Tensor dy = Tensor::from<double>({1, 1, 3, 1}, {1, -2, 4});
  Tensor x = leaf({1, 1, 5, 1}, {1, 2, 3, 4, 5});
  Tensor y = upsample(x, 1, 3, {.mode = UpsampleMode::bilinear});
  expect_near(y, {4.0 / 3, 3, 14.0 / 3});
  backward(y, dy);
  expect_near(grad(x), {2.0 / 3, 1.0 / 3, -2, 4.0 / 3, 8.0 / 3});
  x = leaf({1, 1, 5, 1}, {1, 2, 3, 4, 5});
  y = upsample(x, 1, 3, {.mode = UpsampleMode::bilinear, .align_corners = true});
  expect_near(y, {1, 3, 5});
  backward(y, dy);
  expect_near(grad(x), {1, 0, -2, 0, 4});
}

// F.interpolate(arange(n), mode='nearest'): 5 -> 3 and 3 -> 5
TEST(Upsample, Nearest) {
  expect_near(upsample(Tensor::from<double>({1, 1, 5, 1}, {0, 1, 2, 3, 4}), 1, 3), {0, 1, 3}, 0);
  expect_near(upsample(Tensor::from<double>({1, 3, 1, 1}, {0, 1, 2}), 5, 1), {0, 0, 1, 1, 2}, 0);
}

// A long f32 sum keeps its digits: 10 million times 0.1 is off by 8% when added up in f32.
TEST(Reduce, LongSums) {
  const Tensor x = Tensor::full({10'000'000}, 0.1, Dtype::f32);
  EXPECT_FLOAT_EQ(static_cast<float>(sum(x).item()), 1e7F * 0.1F);
  EXPECT_FLOAT_EQ(static_cast<float>(mean(x).item()), 0.1F);
}

TEST(Dropout, IsTheIdentityInEvaluation) {
  const Tensor x = leaf({4}, {1, 2, 3, 4});
  EXPECT_TRUE(dropout(x, 0.5, false, {}).same_as(x));
  EXPECT_TRUE(dropout(x, 0, true, {}).same_as(x));
}

TEST(Dropout, DropsAShareOfP) {
  const int64_t n = 1 << 18;
  const Tensor x = Tensor::full({n}, 1, Dtype::f32);
  for (double p : {0.1, 0.5, 0.9}) {
    int64_t dropped = 0;
    for (double v : dropout(x, p, true, {.seed = 1}).to_doubles()) {
      EXPECT_TRUE(v == 0 || v == static_cast<double>(static_cast<float>(1 / (1 - p)))) << v;
      dropped += v == 0;
    }
    // five standard deviations of the binomial
    EXPECT_NEAR(static_cast<double>(dropped), p * n, 5 * std::sqrt(n * p * (1 - p)));
  }
  EXPECT_THAT(dropout(vec({1, inf, nan}), 1, true, {}).to_doubles(), ElementsAre(0, 0, 0));
}

TEST(Dropout, DependsOnTheKey) {
  const Tensor x = Tensor::full({256}, 1, Dtype::f32);
  const RandomKey key{.seed = 1, .stream = 2, .step = 3};
  const auto mask = [&](const RandomKey& k) { return dropout(x, .5, true, k).to_doubles(); };
  EXPECT_EQ(mask(key), mask(key));
  EXPECT_NE(mask(key), mask({.seed = 2, .stream = 2, .step = 3}));
  EXPECT_NE(mask(key), mask({.seed = 1, .stream = 3, .step = 3}));
  EXPECT_NE(mask(key), mask({.seed = 1, .stream = 2, .step = 4}));
}

}  // namespace
}  // namespace pixelgrad

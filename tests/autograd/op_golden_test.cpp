// Numbers that others computed: PyTorch 2 in f64 (the call stands above each), or by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "autograd/graph.h"
#include "autograd/ops.h"

namespace pixelgrad {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

void expect_near(const Tensor& got, const std::vector<double>& expected, double tolerance = 1e-12) {
  EXPECT_THAT(got.to_doubles(), Pointwise(testing::DoubleNear(tolerance), expected));
}
Tensor leaf(Shape shape, const std::vector<double>& values) {
  return require_grad(Tensor::from(std::move(shape), values));
}
Tensor vec(const std::vector<double>& values) {
  return Tensor::from({static_cast<int64_t>(values.size())}, values);
}

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

// F.batch_norm(x.view(4, 1), zeros(1), ones(1), training=True).backward([1, -2, .5, 3])
TEST(BatchNorm, Training) {
  const Tensor x = leaf({4, 1}, {1, 2, 3, 6});
  Tensor mean = vec({0}), variance = vec({1});
  const Tensor y = batch_norm(x, {}, {}, mean, variance);
  expect_near(y, {-1.0690434404458737, -0.5345217202229369, 0, 1.6035651606688102});
  expect_near(mean, {0.3});
  expect_near(variance, {1.3666666666666667});
  backward(y, Tensor::from<double>({4, 1}, {1, -2, .5, 3}));
  expect_near(grad(x),
              {0.8876858932552396, -1.0594993914993898, -0.0668152150278671, 0.23862871327201726});
}

// F.batch_norm([[5, -3]], [1, 2], [4, 9], [2, 3], [.5, -.5], training=False)
TEST(BatchNorm, Evaluation) {
  Tensor mean = vec({1, 2}), variance = vec({4, 9});
  const Tensor y = batch_norm(Tensor::from<double>({1, 2}, {5, -3}), vec({2, 3}), vec({.5, -.5}),
                              mean, variance, {.training = false});
  expect_near(y, {4.499995000009375, -5.499997222224537});
  expect_near(mean, {1, 2}, 0);
  expect_near(variance, {4, 9}, 0);
}

// One value a channel has variance 0: y is beta, and the running variance moves towards 0.
TEST(BatchNorm, OfOneValue) {
  const Tensor x = leaf({1, 1, 1, 2}, {7, -3});
  Tensor mean = vec({0, 0}), variance = vec({1, 1});
  const Tensor y = batch_norm(x, vec({2, 2}), vec({.5, -1}), mean, variance);
  expect_near(y, {.5, -1}, 0);
  expect_near(mean, {0.7, -0.3});
  expect_near(variance, {0.9, 0.9});
  backward(y, Tensor::from<double>({1, 1, 1, 2}, {3, 4}));
  expect_near(grad(x), {0, 0}, 0);
}

// A mean of 1000 with a deviation near 1: sums of squares in f32 would have no digit left.
TEST(BatchNorm, KeepsDigitsBesideALargeMean) {
  std::vector<float> values;
  for (int i = 0; i < 100000; ++i) values.push_back(1000 + (i % 2 ? 1.0F : -1.0F));
  Tensor mean = Tensor::zeros({1}, Dtype::f32), variance = Tensor::zeros({1}, Dtype::f32);
  const Tensor y = batch_norm(Tensor::from({100000, 1}, values), {}, {}, mean, variance,
                              {.momentum = 1, .eps = 0});
  EXPECT_FLOAT_EQ(static_cast<float>(mean.item()), 1000);
  EXPECT_FLOAT_EQ(static_cast<float>(variance.item()), 100000.0F / 99999);
  EXPECT_EQ(y.data<float>()[0], -1);
  EXPECT_EQ(y.data<float>()[99999], 1);
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

// torch.log_softmax, torch.softmax
TEST(Softmax, Values) {
  expect_near(log_softmax(vec({1, 2, 3, -1})),
              {-2.4197166463153397, -1.4197166463153397, -0.4197166463153396, -4.419716646315339});
  expect_near(softmax(vec({1, 2, 3, -1})),
              {0.0889468172974043, 0.24178251715880075, 0.6572330228318554, 0.012037642711939448});
  expect_near(log_softmax(vec({1000, 0, -1000})), {0, -1000, -2000});
  expect_near(softmax(vec({0, -inf, 0})), {.5, 0, .5});
}

TEST(Softmax, NanStaysInItsRow) {
  const auto y = log_softmax(Tensor::from<double>({2, 2}, {0, nan, 3, 3})).to_doubles();
  EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]));
  EXPECT_NEAR(y[2], -std::log(2), 1e-15);
}

// F.cross_entropy(z, [0, 1, 255, 2], ignore_index=255, ...).backward()
class CrossEntropy : public testing::Test {
 protected:
  void expect(CrossEntropySpec spec, double loss, const std::vector<double>& dz) {
    const Tensor y = cross_entropy(z, labels, spec);
    EXPECT_EQ(y.shape(), Shape{});
    EXPECT_NEAR(y.item(), loss, 1e-12);
    backward(y);
    expect_near(grad(z), dz);
  }

  Tensor z = leaf({4, 3}, {2, 1, .1, .5, 2.5, .3, 1, 1, 1, 3, 0, 0});
  Tensor labels = Tensor::from<int32_t>({4}, {0, 1, 255, 2});
  Tensor weights = vec({1, 2, .5});
};

TEST_F(CrossEntropy, Mean) {
  expect({}, 1.244000831906444,
         {-0.1136662870380107, 0.08081099023490462, 0.03285529680310606, 0.036201243435670785,
          -0.06584031473611691, 0.029639071300446088, 0, 0, 0, 0.303147666170914,
          0.015092833581209693, -0.3182404997521236});
}

TEST_F(CrossEntropy, Weighted) {
  expect({.class_weights = weights}, 0.6870258687226828,
         {-0.0974282460325806, 0.06926656305848967, 0.028161682974090912, 0.06205927446114992,
          -0.11286911097620042, 0.05080983651505043, 0, 0, 0, 0.12992042835896314,
          0.006468357249089869, -0.13638878560805298});
}

TEST_F(CrossEntropy, Smoothed) {
  expect({.label_smoothing = 0.1}, 1.2895563874619995,
         {-0.09144406481578846, 0.06969987912379352, 0.021744185691994957, 0.025090132324559682,
          -0.043618092513894674, 0.018527960189334978, 0, 0, 0, 0.29203655505980286,
          0.003981722470098582, -0.2960182775299014});
}

TEST_F(CrossEntropy, WeightedAndSmoothed) {
  expect({.class_weights = weights, .label_smoothing = 0.1}, 0.771770984088678,
         {-0.07524252632359983, 0.05137338672851214, 0.023869139595087668, 0.04994966183479249,
          -0.09388051706647786, 0.043930855231685245, 0, 0, 0, 0.13771934261634874,
          -0.011716814165317193, -0.12600252845103152});
}

TEST_F(CrossEntropy, IsZeroWhereAllIsIgnored) {
  labels.fill(255);
  expect({}, 0, std::vector<double>(12, 0));
}

TEST_F(CrossEntropy, IsZeroWhereNoClassHasWeight) {
  labels.fill(1);
  expect({.class_weights = vec({1, 0, 1})}, 0, std::vector<double>(12, 0));
}

TEST_F(CrossEntropy, LogitsOfIgnoredPixelsDoNotMatter) {
  z = leaf({2, 2}, {nan, inf, 0, 0});
  labels = Tensor::from<int32_t>({2}, {255, 1});
  expect({}, std::log(2), {0, 0, .5, -.5});
}

TEST_F(CrossEntropy, ScalesWithTheGradientOfTheLoss) {
  z = leaf({1, 2}, {0, 0});
  backward(scale(cross_entropy(z, Tensor::from<int32_t>({1}, {0})), 8));
  expect_near(grad(z), {-4, 4});
}

TEST_F(CrossEntropy, StaysFiniteForLogitsFarApart) {
  z = require_grad(Tensor::from<float>({1, 2}, {1e4F, -1e4F}));
  const Tensor y = cross_entropy(z, Tensor::from<int32_t>({1}, {1}));
  EXPECT_EQ(y.item(), 2e4);
  backward(y);
  expect_near(grad(z), {1, -1}, 0);
}

// F.mse_loss([1, 2, 3], [0, 4, 3.5])
TEST(Mse, Values) { EXPECT_DOUBLE_EQ(mse(vec({1, 2, 3}), vec({0, 4, 3.5})).item(), 1.75); }

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

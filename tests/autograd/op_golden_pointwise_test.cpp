// Pointwise ops, arithmetic and reductions against numbers that others computed: PyTorch 2 in f64
// (the call stands above each), or by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "autograd/graph.h"
#include "autograd/ops.h"

namespace pixelgrad {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

using Values = std::vector<double>;

void expect_near(const Tensor& got, const Values& expected, double tolerance = 1e-12) {
  EXPECT_THAT(got.to_doubles(), testing::Pointwise(testing::DoubleNear(tolerance), expected));
}
Tensor vec(const Values& values) {
  return Tensor::from({static_cast<int64_t>(values.size())}, values);
}

/// The value of f at x, and the gradient that dy becomes.
template <class F>
void expect_op(F f, const Values& x, const Values& dy, const Values& y, const Values& dx) {
  const Tensor leaf = require_grad(vec(x));
  const Tensor value = f(leaf);
  expect_near(value, y);
  backward(value, vec(dy));
  expect_near(grad(leaf), dx);
}

const Values x = {-800, -4.5, -3, -1.25, -0.1, 0, 0.1, 1.25, 3, 4.5, 800};
const Values dy = {1, -2, 0.5, 3, 1, 2, -1, 0.25, 2, -3, 1};

// F.elu(x, 1.5)
TEST(ActivationNumbers, Elu) {
  expect_op([](const Tensor& t) { return elu(t, 1.5); }, x, dy,
            {-1.5, -1.4833365051926366, -1.4253193974482041, -1.0702428047097148,
             -0.14274387294606064, 0, 0.1, 1.25, 3, 4.5, 800},
            {0, -0.033326989614726917, 0.03734030127589796, 1.2892715858708554, 1.3572561270539394,
             3, -1, 0.25, 2, -3, 1});
}

// F.gelu(x), F.gelu(x, approximate='tanh')
TEST(ActivationNumbers, Gelu) {
  expect_op(
      [](const Tensor& t) { return gelu(t); }, x, dy,
      {0, -1.5289529061324192e-05, -0.00404969409489031, -0.13206221708356905, -0.0460172162722971,
       0, 0.053982783727702904, 1.117937782916431, 2.99595030590511, 4.4999847104709385, 800},
      {0, 0.00013705832371267186, -0.00597282360209196, -0.36798474920826646, 0.4204769079752698, 1,
       -0.5795230920247302, 0.28066539576735555, 2.023891294408368, -3.000205587485569, 1});
  expect_op(
      [](const Tensor& t) { return gelu(t, GeluMode::tanh_approximation); }, x, dy,
      {0, -5.136737411925996e-06, -0.0036373920817729943, -0.13228579703028537,
       -0.04601724895456484, 0, 0.053982751045435165, 1.1177142029697147, 2.996362607918227,
       4.499994863262588, 800},
      {0, 5.864454088513739e-05, -0.005792083315484824, -0.3674778967489459, 0.4204782107282433, 1,
       -0.5795217892717567, 0.2806231580624121, 2.023168333261939, -3.0000879668113276, 1});
}

// F.silu(x), F.hardswish(x): the bends are at -3 and 3
TEST(ActivationNumbers, Swish) {
  expect_op(
      [](const Tensor& t) { return silu(t); }, x, dy,
      {0, -0.04944124183766931, -0.14227761953270035, -0.27837517353163604, -0.047502081252106004,
       0, 0.052497918747894, 0.9716248264683639, 2.8577223804672998, 4.450558758162331, 800},
      {0, 0.07582218223884074, -0.04405205300758481, 0.01895746525406271, 0.4500832085017708, 1,
       -0.5499167914982293, 0.2484202112288281, 2.1762082120303385, -3.113733273358261, 1});
  expect_op(
      [](const Tensor& t) { return hard_swish(t); }, x, dy,
      {0, 0, 0, -0.3645833333333333, -0.04833333333333333, 0, 0.05166666666666667,
       0.8854166666666666, 3, 4.5, 800},
      {0, 0, 0, 0.25, 0.4666666666666667, 1, -0.5333333333333333, 0.22916666666666669, 2, -3, 1});
}

// torch.tanh(x), F.softplus(x, beta=2, threshold=3)
TEST(ActivationNumbers, TanhAndSoftplus) {
  expect_op(
      [](const Tensor& t) { return tanh(t); }, x, dy,
      {-1, -0.9997532108480275, -0.9950547536867305, -0.8482836399575129, -0.09966799462495582, 0,
       0.09966799462495582, 0.8482836399575129, 0.9950547536867305, 0.9997532108480275, 1},
      {0, -0.000987034798118998, 0.004933018582720083, 0.841244598541298, 0.9900662908474398, 2,
       -0.9900662908474398, 0.07010371654510816, 0.019732074330880332, -0.001480552197178497, 0});
  expect_op(
      [](const Tensor& t) { return softplus(t, 2, 3); }, x, dy,
      {0, 6.170109486162941e-05, 0.0012378425688652247, 0.03944486714627481, 0.2990694346907959,
       0.34657359027997264, 0.3990694346907959, 1.2894448671462748, 3, 4.5, 800},
      {0, -0.00024678915197246345, 0.0012363115783173874, 0.2275745400637307, 0.4501660026875221, 1,
       -0.549833997312478, 0.2310354549946891, 2, -3, 1});
}

// torch.log, sqrt, exp, x.pow(1.5)
TEST(ElementaryNumbers, AreThoseOfPyTorch) {
  const Values positive = {0.25, 1, 2.5}, d = {1, -2, 0.5};
  expect_op([](const Tensor& t) { return log(t); }, positive, d,
            {-1.3862943611198906, 0, 0.9162907318741551}, {4, -2, 0.2});
  expect_op([](const Tensor& t) { return sqrt(t); }, positive, d, {0.5, 1, 1.5811388300841898},
            {1, -1, 0.15811388300841897});
  expect_op([](const Tensor& t) { return exp(t); }, {0, 0.25, 1, 2.5}, {1, -2, 0.5, 3},
            {1, 1.2840254166877414, 2.718281828459045, 12.182493960703473},
            {1, -2.568050833375483, 1.3591409142295225, 36.54748188211042});
  expect_op([](const Tensor& t) { return pow(t, 1.5); }, {0, 0.25, 1, 2.5}, {1, -2, 0.5, 3},
            {0, 0.125, 1, 3.952847075210474}, {0, -1.5, 0.75, 7.115124735378854});
}

// x.abs(), x.clamp(-1, 1): what stands at a bend
TEST(ElementaryNumbers, AtTheirBends) {
  expect_op([](const Tensor& t) { return abs(t); }, {-2, 0, 3}, {5, 6, 7}, {2, 0, 3}, {-5, 0, 7});
  expect_op([](const Tensor& t) { return clamp(t, -1, 1); }, {-2, -1, 0, 1, 2}, {5, 6, 7, 8, 9},
            {-1, -1, 0, 1, 1}, {0, 6, 7, 8, 0});
}

// x.pow(e) for x = [0, 2, -2]: the slope of a power at 0
TEST(ElementaryNumbers, PowersOfZero) {
  const auto to_the = [](double e) { return [e](const Tensor& t) { return pow(t, e); }; };
  const Values zero = {0, 2, -2}, ones = {1, 1, 1};
  expect_op(to_the(0), zero, ones, {1, 1, 1}, {0, 0, 0});
  expect_op(to_the(1), zero, ones, {0, 2, -2}, {1, 1, 1});
  expect_op(to_the(2), zero, ones, {0, 4, 4}, {0, 4, -4});
}

// a.pow(b): torch.pow([0, 0, 2], [0, 2, 0])
TEST(ElementaryNumbers, PowersOfZeroOfTwoTensors) {
  const Tensor a = require_grad(vec({0, 0, 2})), b = require_grad(vec({0, 2, 0}));
  const Tensor y = pow(a, b);
  expect_near(y, {1, 0, 1});
  backward(y, vec({1, 1, 1}));
  expect_near(grad(a), {0, 0, 0});
  expect_near(grad(b), {0, 0, 0.6931471805599453});
}

TEST(ElementaryNumbers, NanStaysNan) {
  const Tensor t = vec({nan, nan, nan}).to(Dtype::f32);
  for (const Tensor& y :
       {elu(t), gelu(t), gelu(t, GeluMode::tanh_approximation), silu(t), hard_swish(t), tanh(t),
        softplus(t), exp(t), log(t), sqrt(t), abs(t), clamp(t, -1, 1), pow(t, 2), pow(t, 0.5)})
    for (double v : y.to_doubles()) EXPECT_TRUE(std::isnan(v));
}

// f(a [2,3], b [3]).backward(g)
class BroadcastNumbers : public testing::Test {
 protected:
  using Op = Tensor (*)(const Tensor&, const Tensor&);
  void expect(Op f, const Values& y, const Values& da, const Values& db) {
    const Tensor a = require_grad(Tensor::from({2, 3}, a_values));
    const Tensor b = require_grad(vec({2, -4, 0.5}));
    const Tensor value = f(a, b);
    expect_near(value, y);
    backward(value, Tensor::from<double>({2, 3}, {1, -1, 2, 0.5, 3, -2}));
    expect_near(grad(a), da);
    expect_near(grad(b), db, 1e-11);
  }
  Values a_values = {1, 2, -3, 4, 5, 6};
};

TEST_F(BroadcastNumbers, Add) {
  expect(add, {3, -2, -2.5, 6, 1, 6.5}, {1, -1, 2, 0.5, 3, -2}, {1.5, 2, 0});
}
TEST_F(BroadcastNumbers, Sub) {
  expect(sub, {-1, 6, -3.5, 2, 9, 5.5}, {1, -1, 2, 0.5, 3, -2}, {-1.5, -2, 0});
}
TEST_F(BroadcastNumbers, Mul) {
  expect(mul, {2, -8, -1.5, 8, -20, 3}, {2, 4, 1, 1, -12, -1}, {3, 13, -18});
}
TEST_F(BroadcastNumbers, Div) {
  expect(div, {0.5, -0.5, -6, 2, -1.25, 12}, {0.5, 0.25, 4, 0.25, -0.75, -4}, {-0.75, -0.8125, 72});
}
TEST_F(BroadcastNumbers, Pow) {
  a_values[2] = 3;
  expect(pow, {1, 0.0625, 1.7320508075688772, 16, 0.0016, 2.449489742783178},
         {2, 0.125, 0.5773502691896257, 4, -0.00384, -0.408248290463863},
         {11.090354888959125, -0.0355963968053129, -4.972088279232119});
}

// c [2,1] * b [3]
TEST_F(BroadcastNumbers, BothSidesAreRepeated) {
  const Tensor c = require_grad(Tensor::from<double>({2, 1}, {2, -1}));
  const Tensor b = require_grad(vec({2, -4, 0.5}));
  const Tensor y = c * b;
  EXPECT_EQ(y.shape(), (Shape{2, 3}));
  expect_near(y, {4, -8, 1, -2, 4, -0.5});
  backward(y, Tensor::from<double>({2, 3}, {1, -1, 2, 0.5, 3, -2}));
  expect_near(grad(c), {7, -12});
  expect_near(grad(b), {1.5, -5, 6});
}

TEST(Operators, TakeTensorsAndNumbers) {
  const Tensor a = vec({1, -2, 4}), b = vec({2, 4, -0.5});
  expect_near(a + b, {3, 2, 3.5}, 0);
  expect_near(a - b, {-1, -6, 4.5}, 0);
  expect_near(a * b, {2, -8, -2}, 0);
  expect_near(a / b, {0.5, -0.5, -8}, 0);
  expect_near(-a, {-1, 2, -4}, 0);
  expect_near(a + 1, {2, -1, 5}, 0);
  expect_near(1 + a, {2, -1, 5}, 0);
  expect_near(a - 1, {0, -3, 3}, 0);
  expect_near(1 - a, {0, 3, -3}, 0);
  expect_near(2 * a, {2, -4, 8}, 0);
  expect_near(a * 2, {2, -4, 8}, 0);
  expect_near(a / 2, {0.5, -1, 2}, 0);
  expect_near(4 / a, {4, -2, 1}, 0);
  EXPECT_EQ((a.to(Dtype::f32) + 1).dtype(), Dtype::f32);
}

const Tensor cube = Tensor::from<double>({2, 2, 2}, {1, 5, 3, 5, 2, 2, -1, 0});

// torch.sum(t, (0, 2)), torch.mean(t, (1,), True), torch.amax(t, (0, 2))
TEST(ReductionNumbers, AreThoseOfPyTorch) {
  expect_near(sum(cube, {0, 2}), {10, 7}, 0);
  const Tensor m = mean(cube, {1}, true);
  EXPECT_EQ(m.shape(), (Shape{2, 1, 2}));
  expect_near(m, {2, 5, 0.5, 1}, 0);
  expect_near(max(cube, {0, 2}), {5, 5}, 0);
  expect_near(max(cube), {5}, 0);
}

// t.max(2).values.backward([[1, 2], [3, 4]]): of [2, 2] the first has the gradient
TEST(ReductionNumbers, TheFirstOfEqualMaximaHasTheGradient) {
  const Tensor t = require_grad(cube);
  const Tensor y = max(t, {2});
  expect_near(y, {5, 5, 2, 0}, 0);
  backward(y, Tensor::from<double>({2, 2}, {1, 2, 3, 4}));
  expect_near(grad(t), {0, 1, 0, 2, 3, 0, 0, 4}, 0);
}

// The same over several groups of axes and over tiles: first in memory order.
TEST(ReductionNumbers, TheFirstOfManyEqualMaximaHasTheGradient) {
  for (const auto& [shape, axes] : std::vector<std::pair<Shape, std::vector<int>>>{
           {{3, 2, 4}, {0, 2}}, {{70000, 2}, {0}}, {{2, 70000}, {}}, {{300, 2, 300}, {0, 2}}}) {
    const Tensor t = require_grad(Tensor::zeros(shape, Dtype::f32));
    const Tensor y = max(t, axes);
    backward(y, Tensor::full(y.shape(), 1, Dtype::f32));
    const std::vector<double> dt = grad(t).to_doubles();
    EXPECT_EQ(dt[0], 1) << to_string(shape);
    double total = 0;
    for (double g : dt) total += g;
    EXPECT_EQ(total, y.numel()) << to_string(shape);
    if (y.numel() == 2) {
      EXPECT_EQ(dt[shape.size() == 2 ? 1 : shape[2]], 1) << to_string(shape);
    }
  }
}

// torch.max([1, nan, 5, nan], 0): index 1
TEST(ReductionNumbers, NanIsTheLargest) {
  const Tensor t = require_grad(vec({1, nan, 5, nan}));
  const Tensor y = max(t, {0});
  EXPECT_TRUE(std::isnan(y.item()));
  backward(y);
  expect_near(grad(t), {0, 1, 0, 0}, 0);
}

TEST(ReductionNumbers, OfNothing) {
  expect_near(sum(Tensor::zeros({0, 3}, Dtype::f64), {0}), {0, 0, 0}, 0);
  EXPECT_EQ(sum(Tensor::zeros({2, 0, 3}, Dtype::f64), {0}).shape(), (Shape{0, 3}));
}

// A long f32 sum keeps its digits: a million times 0.1 is off by 1% when added up in f32.
TEST(ReductionNumbers, LongSumsKeepTheirDigits) {
  const Tensor ones = Tensor::full({1'000'000, 3}, 0.1, Dtype::f32);
  for (double v : sum(ones, {0}).to_doubles()) EXPECT_FLOAT_EQ(static_cast<float>(v), 1e6F * 0.1F);
  for (double v : mean(ones, {0}).to_doubles()) EXPECT_FLOAT_EQ(static_cast<float>(v), 0.1F);
}

TEST(Cast, RoundsAndBringsTheGradientBack) {
  const Tensor t = require_grad(vec({1.0 / 3, 1e300, 1 + 0x1p-30}));
  const Tensor y = cast(t, Dtype::f32);
  EXPECT_EQ(y.dtype(), Dtype::f32);
  EXPECT_THAT(y.to_doubles(), testing::ElementsAre(static_cast<double>(1.0F / 3), inf, 1));
  backward(y, Tensor::from<float>({3}, {1, 2, 3}));
  EXPECT_EQ(grad(t).dtype(), Dtype::f64);
  expect_near(grad(t), {1, 2, 3}, 0);
  EXPECT_TRUE(cast(t, Dtype::f64).same_as(t));
}

TEST(Where, LetsNothingThroughFromTheOtherSide) {
  const Tensor a = require_grad(vec({1, nan, 3})), b = require_grad(vec({nan, 5, inf}));
  const Tensor y = where(Tensor::from<uint8_t>({3}, {1, 0, 7}), a, b);
  expect_near(y, {1, 5, 3}, 0);
  backward(y, vec({1, 2, 3}));
  expect_near(grad(a), {1, 0, 3}, 0);
  expect_near(grad(b), {0, 2, 0}, 0);
}

TEST(Dropout2d, DropsWholeChannels) {
  const Tensor image = Tensor::full({8, 4, 5, 64}, 1, Dtype::f32);
  const Tensor y = dropout2d(image, 0.25, true, {.seed = 1});
  const float* v = y.data<float>();
  int dropped = 0;
  for (int64_t n = 0; n < 8; ++n)
    for (int64_t c = 0; c < 64; ++c) {
      const float first = v[n * 4 * 5 * 64 + c];
      EXPECT_TRUE(first == 0 || first == 1 / 0.75F) << first;
      dropped += first == 0;
      for (int64_t p = 1; p < 4 * 5; ++p) EXPECT_EQ(v[(n * 4 * 5 + p) * 64 + c], first);
    }
  // five standard deviations of the binomial
  EXPECT_NEAR(dropped, 0.25 * 512, 5 * std::sqrt(512 * 0.25 * 0.75));
  EXPECT_TRUE(dropout2d(image, 0.25, false, {.seed = 1}).same_as(image));
}

}  // namespace
}  // namespace pixelgrad

// batch_norm_act is the three ops that it stands for, bit by bit, and what it rebuilds in a
// backward is what the forward had.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "autograd/ops/activation.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/batch_norm.h"
#include "autograd/saved.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

Tensor normal(Shape shape, Dtype dtype, uint64_t stream) {
  Tensor x = Tensor::empty(std::move(shape), Dtype::f64);
  fill_normal(x, {.seed = 3, .stream = stream}, 0.3, 1.5);
  return x.to(dtype);
}

struct Setting {
  Shape x;
  bool training, residual;
  Activation activation;
  Dtype dtype;
};

std::vector<Setting> settings() {
  std::vector<Setting> all;
  // One value, one pixel, fewer values than a row of the kernel, a tail behind whole rows, whole
  // rows only, several tiles with a tail.
  for (const Shape& x : {Shape{1, 1, 1, 1}, Shape{1, 1, 1, 5}, Shape{1, 2, 3, 3},
                         Shape{2, 5, 7, 17}, Shape{2, 4, 4, 32}, Shape{1, 61, 67, 19}})
    for (const bool training : {true, false})
      for (const bool residual : {true, false})
        for (const Activation activation : {Activation::none, Activation::relu})
          for (const Dtype dtype : {Dtype::f32, Dtype::f64})
            all.push_back({x, training, residual, activation, dtype});
  return all;
}

std::string describe(const Setting& s) {
  return str(s.x, s.training ? ", training" : ", evaluation", s.residual ? ", residual" : "",
             s.activation == Activation::relu ? ", relu, " : ", ", s.dtype);
}

/// The tensors of a call, new with every construction.
struct Arguments {
  explicit Arguments(const Setting& s) {
    const Shape channels = {s.x.back()};
    x = require_grad(normal(s.x, s.dtype, 1));
    gamma = require_grad(normal(channels, s.dtype, 2));
    beta = require_grad(normal(channels, s.dtype, 3));
    if (s.residual) residual = require_grad(normal(s.x, s.dtype, 4));
    mean = normal(channels, s.dtype, 5);
    variance = Tensor::full(channels, 1.7, s.dtype);
    spec = {.momentum = 0.2, .training = s.training};
  }
  Tensor fused(Activation activation) {
    return batch_norm_act(x, gamma, beta, mean, variance, spec, activation, residual);
  }
  Tensor step_by_step(Activation activation) {
    Tensor y = batch_norm(x, gamma, beta, mean, variance, spec);
    if (residual) y = add(y, residual);
    return activation == Activation::relu ? relu(y) : y;
  }
  std::vector<std::pair<const char*, Tensor>> results() const {
    std::vector<std::pair<const char*, Tensor>> all{{"dx", grad(x)},
                                                    {"dgamma", grad(gamma)},
                                                    {"dbeta", grad(beta)},
                                                    {"mean", mean},
                                                    {"variance", variance}};
    if (residual) all.push_back({"dresidual", grad(residual)});
    return all;
  }
  Tensor x, gamma, beta, residual, mean, variance;
  BatchNormSpec spec;
};

void expect_same(const Arguments& a, const Arguments& b, const std::string& where) {
  const auto left = a.results(), right = b.results();
  for (size_t i = 0; i < left.size(); ++i)
    EXPECT_TRUE(same_bits(left[i].second, right[i].second)) << left[i].first << ": " << where;
}

TEST(BatchNormAct, HasTheBitsOfTheThreeOps) {
  for (const Setting& s : settings()) {
    Arguments one(s), other(s);
    const Tensor y = one.fused(s.activation), expected = other.step_by_step(s.activation);
    EXPECT_TRUE(same_bits(y, expected)) << describe(s);
    const Tensor dy = normal(s.x, s.dtype, 6);
    backward(y, dy);
    backward(expected, dy);
    expect_same(one, other, describe(s));
  }
}

TEST(BatchNormAct, AValueThatIsComputedAgainHasItsBits) {
  for (const Setting& s : settings()) {
    Arguments a(s);
    Tensor y = a.fused(s.activation);
    const Tensor first = y.clone();
    const SavedTensor saved(y);
    const Storage* before = y.storage().get();
    ASSERT_EQ(saved.value().storage().get(), before);
    y = {};
    const Tensor again = saved.value();
    EXPECT_TRUE(same_bits(again, first)) << describe(s);
  }
}

// A value of exactly 0 or one bit beside it tells whether the mask of the backward comes from the
// same bits as the value: a residual takes the normalised value away again.
TEST(BatchNormAct, TheGradientPassesWhereTheValueIsPositive) {
  for (Setting s : settings()) {
    if (s.x.back() == 1) continue;  // one value
    s.residual = true;
    Arguments a(s);
    {
      Arguments alone(s);
      alone.residual = {};
      const Tensor norm = alone.fused(Activation::none);
      std::vector<double> opposite = norm.to_doubles();
      for (size_t i = 0; i < opposite.size(); ++i) {
        const double up = i % 3 == 0 ? 0 : i % 3 == 1 ? INFINITY : -INFINITY;
        const double v = -opposite[i];
        if (up != 0)
          opposite[i] = s.dtype == Dtype::f64
                            ? std::nextafter(v, up)
                            : std::nextafter(static_cast<float>(v), static_cast<float>(up));
        else
          opposite[i] = v;
      }
      a.residual = require_grad(Tensor::from(s.x, opposite).to(s.dtype));
    }
    const Tensor y = a.fused(Activation::relu);
    backward(y, Tensor::full(s.x, 3, s.dtype));
    const std::vector<double> values = y.to_doubles(), passed = grad(a.residual).to_doubles();
    int64_t positive = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(passed[i], values[i] > 0 ? 3 : 0) << i << ": " << describe(s);
      positive += values[i] > 0;
    }
    EXPECT_EQ(positive, (numel(s.x) + 1) / 3) << describe(s);
  }
}

// max(NaN, 0) would hide where a number went wrong.
TEST(BatchNormAct, ANaNStaysOneAndPassesNoGradient) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
    // 19 values: one in a whole row, one behind it
    std::vector<double> values(64 + 19, 0.5);
    values[7] = values[70] = nan;
    const Tensor x = Tensor::from({static_cast<int64_t>(values.size()), 1}, values).to(dtype);
    const Tensor residual = require_grad(Tensor::zeros(x.shape(), dtype));
    const Tensor y =
        batch_norm_act(x, {}, {}, Tensor::zeros({1}, dtype), Tensor::full({1}, 1, dtype),
                       {.training = false}, Activation::relu, residual);
    backward(y, Tensor::full(y.shape(), 1, dtype));
    const std::vector<double> got = y.to_doubles(), passed = grad(residual).to_doubles();
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(std::isnan(got[i]), std::isnan(values[i])) << i;
      EXPECT_EQ(passed[i], std::isnan(values[i]) ? 0 : 1) << i;
    }
  }
}

// Whether a reader finds the value or must compute it again must not show in the gradients.
TEST(BatchNormAct, GradientsHaveTheSameBitsWhetherTheValueIsHeldOrNot) {
  for (const Setting& s : settings()) {
    Arguments held(s), dropped(s);
    const Tensor w = require_grad(normal(s.x, s.dtype, 7)), v = require_grad(w.clone());
    const Tensor y = held.fused(s.activation);
    backward(mul(y, w), normal(s.x, s.dtype, 6));
    backward(mul(dropped.fused(s.activation), v), normal(s.x, s.dtype, 6));
    EXPECT_TRUE(same_bits(grad(w), grad(v))) << describe(s);
    expect_same(held, dropped, describe(s));
  }
}

TEST(BatchNormAct, ComputingTheValueAgainMovesNoRunningStatistics) {
  const Setting s{{2, 3, 3, 4}, true, false, Activation::relu, Dtype::f32};
  Arguments a(s);
  const SavedTensor saved(a.fused(s.activation));
  const Tensor mean = a.mean.clone(), variance = a.variance.clone();
  saved.value();
  EXPECT_TRUE(same_bits(mean, a.mean));
  EXPECT_TRUE(same_bits(variance, a.variance));
}

// The statistics are read in the backward too, but those of the forward are kept.
TEST(BatchNormAct, RunningStatisticsMayMoveOnBeforeTheBackward) {
  const Setting s{{2, 3, 3, 4}, false, true, Activation::relu, Dtype::f32};
  Arguments a(s), other(s);
  const Tensor dy = normal(s.x, s.dtype, 6);
  const Tensor square = [&] {
    const Tensor y = a.fused(s.activation);
    return mul(y, y);
  }();
  a.mean.fill(100);
  a.variance.fill(100);
  backward(square, dy);
  const Tensor y = other.fused(s.activation);
  backward(mul(y, y), dy);
  EXPECT_TRUE(same_bits(grad(a.x), grad(other.x)));
  EXPECT_TRUE(same_bits(grad(a.residual), grad(other.residual)));
}

TEST(BatchNormAct, OneTensorMayBeInputAndResidual) {
  const Tensor x = require_grad(normal({2, 3, 3, 4}, Dtype::f64, 1));
  const Tensor z = require_grad(x.clone());
  backward(batch_norm_act(x, {}, {}, {}, {}, {}, Activation::relu, x),
           normal({2, 3, 3, 4}, Dtype::f64, 6));
  backward(relu(add(batch_norm(z, {}, {}, {}, {}), z)), normal({2, 3, 3, 4}, Dtype::f64, 6));
  EXPECT_TRUE(same_bits(grad(x), grad(z)));
}

}  // namespace
}  // namespace pixelgrad

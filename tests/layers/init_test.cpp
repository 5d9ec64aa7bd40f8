#include "layers/init.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "layers/conv.h"

namespace pixelgrad {
namespace {

struct Moments {
  double mean = 0, variance = 0, kurtosis = 0, min = 0, max = 0;
};
Moments moments_of(const Tensor& x) {
  const std::vector<double> values = x.to_doubles();
  const auto n = static_cast<double>(values.size());
  Moments m;
  for (const double v : values) m.mean += v / n;
  double fourth = 0;
  for (const double v : values) {
    m.variance += std::pow(v - m.mean, 2) / n;
    fourth += std::pow(v - m.mean, 4) / n;
  }
  m.kurtosis = fourth / (m.variance * m.variance);
  m.min = *std::min_element(values.begin(), values.end());
  m.max = *std::max_element(values.begin(), values.end());
  return m;
}

TEST(Init, FansCountTapsAndChannels) {
  // [Cout,Kh,Kw,Cin/groups]
  EXPECT_EQ(fans_of({64, 3, 5, 16}).in, 3 * 5 * 16);
  EXPECT_EQ(fans_of({64, 3, 5, 16}).out, 3 * 5 * 64);
  EXPECT_EQ(fans_of({64, 16}).in, 16);
  EXPECT_EQ(fans_of({64, 16}).out, 64);
  EXPECT_THROW(fans_of({64, 3, 16}), Error);
}

struct Distribution {
  std::string name;
  Init init;
  bool uniform;
  double variance;  ///< for a weight [96,3,3,40]: fan in 360, fan out 864
};
void PrintTo(const Distribution& d, std::ostream* out) { *out << d.name; }

class InitDistribution : public testing::TestWithParam<Distribution> {};

TEST_P(InitDistribution, HasItsMeanVarianceAndShape) {
  const auto& [name, init, uniform, variance] = GetParam();
  const InitScope scope(7);
  Tensor weight = Tensor::empty({96, 3, 3, 40}, Dtype::f32);
  initialize_weight(weight, init);
  const Moments m = moments_of(weight);
  const auto n = static_cast<double>(weight.numel());
  const double kurtosis = uniform ? 1.8 : 3;
  // Five standard errors of each estimate.
  EXPECT_NEAR(m.mean, 0, 5 * std::sqrt(variance / n));
  EXPECT_NEAR(m.variance, variance, 5 * variance * std::sqrt((kurtosis - 1) / n));
  EXPECT_NEAR(m.kurtosis, kurtosis, 0.15);
  if (uniform) {
    const double bound = std::sqrt(3 * variance);
    EXPECT_LE(m.max, bound);
    EXPECT_GE(m.min, -bound);
    EXPECT_GT(m.max, 0.999 * bound);
    EXPECT_LT(m.min, -0.999 * bound);
  } else {
    EXPECT_GT(m.max, 3.5 * std::sqrt(variance));  // not truncated
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, InitDistribution,
    testing::Values(
        // U(-1/sqrt(360), 1/sqrt(360)) has variance 1 / (3 * 360)
        Distribution{"pytorch_default", Init::pytorch_default, true, 1.0 / 1080},
        Distribution{"he_normal", Init::he_normal, false, 2.0 / 360},
        Distribution{"he_normal_fan_out", Init::he_normal_fan_out, false, 2.0 / 864},
        Distribution{"he_uniform", Init::he_uniform, true, 2.0 / 360},
        Distribution{"glorot_normal", Init::glorot_normal, false, 2.0 / 1224},
        Distribution{"glorot_uniform", Init::glorot_uniform, true, 2.0 / 1224}),
    [](const auto& info) { return info.param.name; });

// A normal distribution cut at two deviations has 0.7737 of its variance left, so Keras cuts a
// wider one: the largest value is 2 / 0.8796 = 2.2737 deviations away.
TEST(Init, TruncatedNormalKeepsItsVarianceAndHasNoTails) {
  const InitScope scope(7);
  Tensor weight = Tensor::empty({96, 3, 3, 40}, Dtype::f32);
  initialize_weight(weight, Init::he_normal_truncated);
  const Moments m = moments_of(weight);
  const double deviation = std::sqrt(2.0 / 360);
  EXPECT_NEAR(m.mean, 0, 5 * deviation / std::sqrt(static_cast<double>(weight.numel())));
  EXPECT_NEAR(m.variance / (deviation * deviation), 1, 0.03);
  EXPECT_LE(m.max, 2.2738 * deviation);
  EXPECT_GE(m.min, -2.2738 * deviation);
  EXPECT_GT(m.max, 2.26 * deviation);
}

TEST(Init, BiasIsZeroUnlessPyTorchDefault) {
  Tensor bias = Tensor::full({2000}, 7, Dtype::f32);
  initialize_bias(bias, {2000, 3, 3, 4}, Init::he_normal);
  EXPECT_EQ(moments_of(bias).max, 0);
  EXPECT_EQ(moments_of(bias).min, 0);
  initialize_bias(bias, {2000, 3, 3, 4}, Init::pytorch_default);
  const double bound = 1.0 / 6;  // 1 / sqrt(3 * 3 * 4)
  EXPECT_LE(moments_of(bias).max, bound);
  EXPECT_GT(moments_of(bias).max, 0.99 * bound);
  EXPECT_LT(moments_of(bias).min, -0.99 * bound);
}

std::vector<double> fresh_weight() {
  return Conv2d({.in_channels = 2, .out_channels = 3}).weight().to_doubles();
}

TEST(InitScope, EqualSeedsGiveEqualNetworksAndSiblingsDiffer) {
  std::vector<std::vector<double>> first, second;
  for (auto* network : {&first, &second}) {
    const InitScope scope(42);
    network->push_back(fresh_weight());
    network->push_back(fresh_weight());
  }
  EXPECT_EQ(first, second);
  EXPECT_NE(first[0], first[1]);
  const InitScope scope(43);
  EXPECT_NE(fresh_weight(), first[0]);
}

TEST(InitScope, NestedScopeLeavesTheOuterOneAsItWas) {
  std::vector<double> expected, got;
  {
    const InitScope scope(1);
    fresh_weight();
    expected = fresh_weight();
  }
  {
    const InitScope scope(1);
    fresh_weight();
    {
      const InitScope inner(2);
      fresh_weight();
    }
    got = fresh_weight();
  }
  EXPECT_EQ(got, expected);
}

}  // namespace
}  // namespace pixelgrad

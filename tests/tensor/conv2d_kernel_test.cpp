// The convolution kernels of the CPU against naive loops in f64, on each SIMD target that this
// processor has: rounding, threads, empty batches, NaN. (conv2d_exact_test.cpp has whole numbers.)
#include "tensor/kernels/conv2d.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tensor/parallel.h"
#include "tests/tensor/conv2d_calls.h"
#include "tests/tensor/conv2d_cases.h"
#include "tests/tensor/simd_targets.h"

namespace pixelgrad {
namespace {

using reference::backward_input;
using reference::backward_weight;
using reference::describe;
using reference::forward;
using reference::garbage;
using reference::integers;
using reference::larger_cases;
using reference::naive_backward_input;
using reference::naive_backward_weight;
using reference::naive_forward;
using reference::NaiveConv2d;
using reference::normals;

constexpr Device cpu = Device::cpu;

/// |a - b| / |b|, over all elements.
template <class T>
double relative_error(const std::vector<T>& a, const std::vector<double>& b) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference);
}

template <class T>
void expect_close(const NaiveConv2d& c, uint64_t seed, double tolerance) {
  SCOPED_TRACE(describe(c));
  const auto x = normals<T>(c.x_size(), seed), w = normals<T>(c.weight_size(), seed + 1);
  const auto dy = normals<T>(c.y_size(), seed + 2);
  const std::vector<double> x64(x.begin(), x.end()), w64(w.begin(), w.end()),
      dy64(dy.begin(), dy.end());
  EXPECT_LE(relative_error(forward(c, x, w), naive_forward(c, x64, w64)), tolerance);
  EXPECT_LE(relative_error(backward_input(c, dy, w), naive_backward_input(c, dy64, w64)),
            tolerance);
  EXPECT_LE(relative_error(backward_weight(c, x, dy), naive_backward_weight(c, x64, dy64)),
            tolerance);
}

class Conv2dKernel : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override {
    test::force_simd_target(GetParam());
    kernels::set_conv_algorithm(kernels::ConvAlgorithm::direct);
  }
  void TearDown() override {
    test::force_simd_target(0);
    kernels::set_conv_algorithm(kernels::ConvAlgorithm::automatic);
    set_num_threads(threads_);
  }
  const int threads_ = num_threads();
};

TEST_P(Conv2dKernel, F64AgreesWithNaive) {
  for (const NaiveConv2d& c : larger_cases()) expect_close<double>(c, 5, 1e-12);
}

TEST_P(Conv2dKernel, F32AgreesWithNaiveF64) {
  for (const NaiveConv2d& c : larger_cases()) expect_close<float>(c, 6, 1e-6);
}

/// PyTorch's own error on a sum of this length is 7e-7 to 3e-6.
TEST_P(Conv2dKernel, LongSumsOfWeightGradientKeepTheirDigits) {
  const NaiveConv2d c{.n = 4, .in_h = 128, .in_w = 128, .in_channels = 2, .out_channels = 3};
  auto x = normals<float>(c.x_size(), 1), dy = normals<float>(c.y_size(), 2);
  for (float& v : x) v = std::abs(v);  // sums that grow lose more than sums around 0
  for (float& v : dy) v = std::abs(v);
  const std::vector<double> x64(x.begin(), x.end()), dy64(dy.begin(), dy.end());
  EXPECT_LE(relative_error(backward_weight(c, x, dy), naive_backward_weight(c, x64, dy64)), 2e-6);
}

TEST_P(Conv2dKernel, SameBitsForAnyNumberOfThreads) {
  for (const NaiveConv2d& c : larger_cases()) {
    SCOPED_TRACE(describe(c));
    const auto x = normals<float>(c.x_size(), 1), w = normals<float>(c.weight_size(), 2);
    const auto dy = normals<float>(c.y_size(), 3), bias = normals<float>(c.out_channels, 4);
    set_num_threads(1);
    const auto y = forward(c, x, w, bias), dx = backward_input(c, dy, w),
               dw = backward_weight(c, x, dy);
    for (int threads : {2, 4}) {
      set_num_threads(threads);
      EXPECT_TRUE(forward(c, x, w, bias) == y) << threads << " threads";
      EXPECT_TRUE(backward_input(c, dy, w) == dx) << threads << " threads";
      EXPECT_TRUE(backward_weight(c, x, dy) == dw) << threads << " threads";
    }
  }
}

TEST_P(Conv2dKernel, EmptyBatchWritesNothingButZeroWeightGradient) {
  for (int64_t kernel : {1, 3})
    for (int64_t groups : {1, 3}) {  // 3: depthwise
      const NaiveConv2d c{.n = 0,
                          .in_h = 5,
                          .in_w = 5,
                          .in_channels = 3,
                          .out_channels = 3,
                          .kernel_h = kernel,
                          .kernel_w = kernel,
                          .groups = groups};
      const auto w = integers<float>(c.weight_size(), 1);
      EXPECT_TRUE(forward(c, {}, w).empty());
      EXPECT_TRUE(backward_input(c, {}, w).empty());
      EXPECT_THAT(backward_weight<float>(c, {}, {}), testing::Each(0.0f)) << describe(c);
    }
}

TEST_P(Conv2dKernel, NanInAWeightReachesEveryOutputItTouches) {
  const NaiveConv2d c{.in_h = 4, .in_w = 9, .in_channels = 2, .out_channels = 3};
  auto w = integers<float>(c.weight_size(), 1);
  w[2] = NAN;  // of output channel 1
  const auto y = forward(c, integers<float>(c.x_size(), 2), w);
  for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i % 3 == 1) << i;
}

TEST_P(Conv2dKernel, SumOverPixels) {
  for (int64_t channels : {1, 3, 8, 17, 64})
    for (int64_t pixels : {0, 1, 5, 1000, 20000}) {
      const auto dy = integers<float>(pixels * channels, channels);
      std::vector<float> expected(channels, 0), sums = garbage<float>(channels);
      for (size_t i = 0; i < dy.size(); ++i) expected[i % channels] += dy[i];
      kernels::sum_over_pixels<cpu>(pixels, channels, dy.data(), sums.data());
      EXPECT_EQ(sums, expected) << pixels << " pixels, " << channels << " channels";
      const std::vector<double> dy64(dy.begin(), dy.end());
      std::vector<double> sums64 = garbage<double>(channels);
      kernels::sum_over_pixels<cpu>(pixels, channels, dy64.data(), sums64.data());
      EXPECT_TRUE(std::equal(sums64.begin(), sums64.end(), expected.begin()));
    }
}

TEST_P(Conv2dKernel, SumOverPixelsKeepsSmallValuesBesideLargeOnes) {
  // In f32 alone, 2^25 + 1 + ... stays 2^25.
  std::vector<float> dy(100'001, 1.0f);
  dy[0] = 33554432.0f;
  float sum = NAN;
  kernels::sum_over_pixels<cpu>(static_cast<int64_t>(dy.size()), 1, dy.data(), &sum);
  EXPECT_EQ(sum, 33654432.0f);
}

INSTANTIATE_TEST_SUITE_P(Targets, Conv2dKernel, testing::ValuesIn(test::simd_targets()),
                         [](const auto& info) { return test::simd_target_name(info.param); });

}  // namespace
}  // namespace pixelgrad

// The convolution kernels of the CPU against naive loops, on each SIMD target that this processor
// has, in both types and in all three directions.
#include "tensor/kernels/conv2d.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensor/parallel.h"
#include "tests/tensor/conv2d_cases.h"
#include "tests/tensor/simd_targets.h"

namespace pixelgrad {
namespace {

using reference::describe;
using reference::geometry;
using reference::integers;
using reference::naive_backward_input;
using reference::naive_backward_weight;
using reference::naive_forward;
using reference::NaiveConv2d;
using reference::normals;

constexpr Device cpu = Device::cpu;

/// What a kernel must overwrite, so that nothing it leaves out can look like a 0.
template <class T>
std::vector<T> garbage(int64_t size) {
  return std::vector<T>(size, std::numeric_limits<T>::quiet_NaN());
}

template <class T>
std::vector<T> forward(const NaiveConv2d& c, const std::vector<T>& x, const std::vector<T>& w,
                       const std::vector<T>& bias = {}) {
  std::vector<T> y = garbage<T>(c.y_size());
  kernels::conv2d_forward<cpu>(geometry(c), x.data(), w.data(),
                               bias.empty() ? nullptr : bias.data(), y.data());
  return y;
}

template <class T>
std::vector<T> backward_input(const NaiveConv2d& c, const std::vector<T>& dy,
                              const std::vector<T>& w, const std::vector<T>& bias = {}) {
  std::vector<T> dx = garbage<T>(c.x_size());
  kernels::conv2d_backward_input<cpu>(geometry(c), dy.data(), w.data(),
                                      bias.empty() ? nullptr : bias.data(), dx.data());
  return dx;
}

template <class T>
std::vector<T> backward_weight(const NaiveConv2d& c, const std::vector<T>& x,
                               const std::vector<T>& dy) {
  std::vector<T> dw = garbage<T>(c.weight_size());
  kernels::conv2d_backward_weight<cpu>(geometry(c), x.data(), dy.data(), dw.data());
  return dw;
}

template <class T>
void expect_exact(const NaiveConv2d& c, uint64_t seed) {
  SCOPED_TRACE(describe(c) + ", seed " + std::to_string(seed));
  const auto x = integers<T>(c.x_size(), seed), w = integers<T>(c.weight_size(), seed + 1);
  const auto dy = integers<T>(c.y_size(), seed + 2);
  const bool biased = seed % 2 == 0;
  const auto bias = integers<T>(biased ? c.out_channels : 0, seed + 3);
  const auto in_bias = integers<T>(biased ? c.in_channels : 0, seed + 4);
  EXPECT_TRUE(forward(c, x, w, bias) == naive_forward(c, x, w, bias)) << "forward";
  EXPECT_TRUE(backward_input(c, dy, w, in_bias) == naive_backward_input(c, dy, w, in_bias))
      << "input gradient";
  EXPECT_TRUE(backward_weight(c, x, dy) == naive_backward_weight(c, x, dy)) << "weight gradient";
}

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

/// Shapes that take each way through the kernels, at sizes where strips, blocks and parts occur.
std::vector<NaiveConv2d> larger_cases() {
  return {
      {.n = 2,
       .in_h = 20,
       .in_w = 24,
       .in_channels = 16,
       .out_channels = 16,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1},
      {.n = 1,
       .in_h = 33,
       .in_w = 130,
       .in_channels = 3,
       .out_channels = 17,
       .kernel_h = 3,
       .kernel_w = 3,
       .stride_h = 2,
       .stride_w = 2,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1},
      // Input channels in several blocks; small maps whose tiles run over the ends of rows.
      {.n = 3,
       .in_h = 4,
       .in_w = 4,
       .in_channels = 150,
       .out_channels = 40,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1},
      {.n = 2,
       .in_h = 15,
       .in_w = 15,
       .in_channels = 70,
       .out_channels = 21,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 6,
       .pad_left = 6,
       .pad_bottom = 6,
       .pad_right = 6,
       .dilation_h = 6,
       .dilation_w = 6},
      {.n = 2, .in_h = 16, .in_w = 16, .in_channels = 300, .out_channels = 10},
      {.n = 2,
       .in_h = 17,
       .in_w = 19,
       .in_channels = 12,
       .out_channels = 20,
       .kernel_h = 7,
       .kernel_w = 7,
       .stride_h = 2,
       .stride_w = 2,
       .pad_top = 3,
       .pad_left = 3,
       .pad_bottom = 3,
       .pad_right = 3},
      // Rows long enough to be cut into pieces, dense and pointwise.
      {.n = 1,
       .in_h = 3,
       .in_w = 700,
       .in_channels = 5,
       .out_channels = 18,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1},
      {.n = 3, .in_h = 24, .in_w = 25, .in_channels = 90, .out_channels = 34},
      // The transposed convolution of a decoder; its stride leaves pixels that no tap reaches.
      {.n = 2,
       .in_h = 16,
       .in_w = 20,
       .in_channels = 24,
       .out_channels = 32,
       .kernel_h = 2,
       .kernel_w = 2,
       .stride_h = 2,
       .stride_w = 2},
      {.n = 2,
       .in_h = 13,
       .in_w = 14,
       .in_channels = 9,
       .out_channels = 6,
       .kernel_h = 2,
       .kernel_w = 2,
       .stride_h = 3,
       .stride_w = 3},
      {.n = 2,
       .in_h = 21,
       .in_w = 30,
       .in_channels = 40,
       .out_channels = 40,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 2,
       .pad_left = 2,
       .pad_bottom = 2,
       .pad_right = 2,
       .dilation_h = 2,
       .dilation_w = 2,
       .groups = 40},
      {.n = 1,
       .in_h = 18,
       .in_w = 22,
       .in_channels = 36,
       .out_channels = 72,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1,
       .groups = 4},
  };
}

class Conv2dKernel : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { test::force_simd_target(GetParam()); }
  void TearDown() override {
    test::force_simd_target(0);
    set_num_threads(threads_);
  }
  const int threads_ = num_threads();
};

TEST_P(Conv2dKernel, GeneratedShapesOnIntegersAreExact) {
  Random random({.seed = 20, .stream = stream_of("conv2d shapes")});
  int dilated = 0;
  for (uint64_t i = 0; i < 400; ++i) {
    const NaiveConv2d c = reference::random_case(random);
    dilated += c.dilation_w > 1;
    if (i % 4 == 3)
      expect_exact<double>(c, i);
    else
      expect_exact<float>(c, i);
    if (HasFailure()) return;  // one reproducer is enough
  }
  EXPECT_GE(dilated, 100);
}

TEST_P(Conv2dKernel, LargerShapesOnIntegersAreExact) {
  for (const NaiveConv2d& c : larger_cases()) {
    expect_exact<float>(c, 2);
    expect_exact<double>(c, 3);
  }
}

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

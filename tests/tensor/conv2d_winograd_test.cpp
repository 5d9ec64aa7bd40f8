// The Winograd kernels against naive loops: exact on whole numbers, as accurate as the direct ones
// elsewhere, on each SIMD target that this processor has.
#include <gtest/gtest.h>

#include <cmath>

#include "tensor/parallel.h"
#include "tests/tensor/conv2d_calls.h"
#include "tests/tensor/conv2d_cases.h"
#include "tests/tensor/simd_targets.h"

namespace pixelgrad {
namespace {

using kernels::ConvAlgorithm;
using kernels::set_conv_algorithm;
using reference::backward_input;
using reference::backward_weight;
using reference::describe;
using reference::forward;
using reference::integers;
using reference::naive_backward_input;
using reference::naive_backward_weight;
using reference::naive_forward;
using reference::NaiveConv2d;
using reference::normals;
using reference::square_case;

/// 3x3, stride 1, of any padding, odd sizes and channel counts that no vector divides.
NaiveConv2d random_square(Random& random) {
  const auto channels = [&] { return 1 + random.below(random.chance(0.3) ? 140 : 40); };
  NaiveConv2d c{.n = 1 + random.below(3),
                .in_h = 1 + random.below(14),
                .in_w = 1 + random.below(30),
                .in_channels = channels(),
                .out_channels = channels(),
                .kernel_h = 3,
                .kernel_w = 3,
                .pad_top = random.below(3),
                .pad_left = random.below(3),
                .pad_bottom = random.below(3),
                .pad_right = random.below(3)};
  if (random.chance(0.2)) {
    c.groups = 2;
    c.in_channels *= 2;
    c.out_channels *= 2;
  }
  c.in_h = std::max<int64_t>(c.in_h, 3 - c.pad_top - c.pad_bottom);
  c.in_w = std::max<int64_t>(c.in_w, 3 - c.pad_left - c.pad_right);
  return c;
}

/// Several blocks of tiles, groups of panels, chunks of channels and parts of pixels.
std::vector<NaiveConv2d> large_squares() {
  return {square_case(1, 31, 60, 40, 33), square_case(1, 9, 11, 130, 290),
          square_case(1, 6, 5, 17, 600), square_case(1, 64, 66, 6, 33),
          square_case(3, 7, 8, 513, 20)};
}

// Naive loops take ten times as long under a sanitizer.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t cases = 15;
#else
constexpr uint64_t cases = 80;
#endif

class Conv2dWinograd : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override {
    test::force_simd_target(GetParam());
    set_conv_algorithm(ConvAlgorithm::winograd);
  }
  void TearDown() override {
    test::force_simd_target(0);
    set_conv_algorithm(ConvAlgorithm::automatic);
    set_num_threads(threads_);
  }
  const int threads_ = num_threads();
};

template <class T>
void expect_exact(const NaiveConv2d& c, uint64_t seed) {
  SCOPED_TRACE(describe(c) + ", seed " + std::to_string(seed));
  const auto x = integers<T>(c.x_size(), seed), w = integers<T>(c.weight_size(), seed + 1);
  const auto dy = integers<T>(c.y_size(), seed + 2);
  const auto bias = integers<T>(c.out_channels, seed + 3);
  EXPECT_TRUE(forward(c, x, w, bias) == naive_forward(c, x, w, bias)) << "forward";
  EXPECT_TRUE(backward_input(c, dy, w) == naive_backward_input(c, dy, w)) << "input gradient";
  EXPECT_TRUE(backward_weight(c, x, dy) == naive_backward_weight(c, x, dy)) << "weight gradient";
}

TEST_P(Conv2dWinograd, ExactOnWholeNumbers) {
  Random random({.seed = 3, .stream = stream_of("winograd shapes")});
  for (uint64_t i = 0; i < cases && !HasFailure(); ++i) {
    const NaiveConv2d c = random_square(random);
    expect_exact<float>(c, i);
    expect_exact<double>(c, i);
  }
  for (const NaiveConv2d& c : large_squares()) expect_exact<float>(c, 1);
}

TEST_P(Conv2dWinograd, EmptyBatchGivesZeroWeightGradient) {
  const NaiveConv2d c{.n = 0,
                      .in_h = 5,
                      .in_w = 5,
                      .in_channels = 3,
                      .out_channels = 4,
                      .kernel_h = 3,
                      .kernel_w = 3};
  EXPECT_TRUE(forward(c, {}, integers<float>(c.weight_size(), 1)).empty());
  for (float v : backward_weight<float>(c, {}, {})) EXPECT_EQ(v, 0);
}

TEST_P(Conv2dWinograd, SameBitsForAnyNumberOfThreads) {
  for (const NaiveConv2d& c : large_squares()) {
    SCOPED_TRACE(describe(c));
    const auto x = normals<float>(c.x_size(), 1), w = normals<float>(c.weight_size(), 2);
    const auto dy = normals<float>(c.y_size(), 3);
    set_num_threads(1);
    const auto y = forward(c, x, w), dx = backward_input(c, dy, w), dw = backward_weight(c, x, dy);
    for (int threads : {2, 4}) {
      set_num_threads(threads);
      EXPECT_TRUE(forward(c, x, w) == y) << threads << " threads";
      EXPECT_TRUE(backward_input(c, dy, w) == dx) << threads << " threads";
      EXPECT_TRUE(backward_weight(c, x, dy) == dw) << threads << " threads";
    }
  }
}

/// |a - b| / |b|, over all elements.
double relative_error(const std::vector<float>& a, const std::vector<double>& b) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return std::sqrt(difference / norm);
}

// The sum runs over the channels only, not over channels and taps, which makes up for the digits
// that the transforms cost. In the weight gradient the tiles make sums a quarter as long.
TEST_P(Conv2dWinograd, AsAccurateAsTheDirectKernels) {
  for (const NaiveConv2d& c : large_squares()) {
    SCOPED_TRACE(describe(c));
    const auto x = normals<float>(c.x_size(), 1), w = normals<float>(c.weight_size(), 2);
    const auto dy = normals<float>(c.y_size(), 3);
    const std::vector<double> x64(x.begin(), x.end()), w64(w.begin(), w.end()),
        dy64(dy.begin(), dy.end());
    const auto y64 = naive_forward(c, x64, w64), dx64 = naive_backward_input(c, dy64, w64),
               dw64 = naive_backward_weight(c, x64, dy64);
    double error[2][3];
    for (const auto algorithm : {ConvAlgorithm::direct, ConvAlgorithm::winograd}) {
      set_conv_algorithm(algorithm);
      double* e = error[algorithm == ConvAlgorithm::winograd];
      e[0] = relative_error(forward(c, x, w), y64);
      e[1] = relative_error(backward_input(c, dy, w), dx64);
      e[2] = relative_error(backward_weight(c, x, dy), dw64);
    }
    for (int i = 0; i < 3; ++i) {
      EXPECT_LE(error[1][i], 2 * error[0][i] + 1e-7) << "direction " << i;
      EXPECT_NE(error[1][i], error[0][i]) << "both by the same algorithm, direction " << i;
    }
  }
}

TEST_P(Conv2dWinograd, OtherConvolutionsStayDirect) {
  for (NaiveConv2d c :
       {NaiveConv2d{
            .in_h = 9, .in_w = 9, .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2},
        NaiveConv2d{
            .in_h = 9, .in_w = 9, .kernel_h = 3, .kernel_w = 3, .dilation_h = 2, .dilation_w = 2},
        NaiveConv2d{.in_h = 9, .in_w = 9, .kernel_h = 3, .kernel_w = 1}}) {
    c.in_channels = 20;
    c.out_channels = 24;
    SCOPED_TRACE(describe(c));
    const auto x = normals<float>(c.x_size(), 1), w = normals<float>(c.weight_size(), 2);
    const auto dy = normals<float>(c.y_size(), 3);
    const auto y = forward(c, x, w), dx = backward_input(c, dy, w), dw = backward_weight(c, x, dy);
    set_conv_algorithm(ConvAlgorithm::direct);
    EXPECT_TRUE(forward(c, x, w) == y && backward_input(c, dy, w) == dx &&
                backward_weight(c, x, dy) == dw);
    set_conv_algorithm(ConvAlgorithm::winograd);
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Conv2dWinograd, testing::ValuesIn(test::simd_targets()),
                         [](const auto& info) { return test::simd_target_name(info.param); });

}  // namespace
}  // namespace pixelgrad

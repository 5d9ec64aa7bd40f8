// On whole numbers every order of adding gives the same sum. So the kernels of the CPU must equal
// naive loops to the last bit: forward, input gradient and weight gradient, in both types, on each
// SIMD target that this processor has, for generated shapes and for those that are cut into blocks.
#include <gtest/gtest.h>

#include "tests/tensor/conv2d_calls.h"
#include "tests/tensor/conv2d_cases.h"
#include "tests/tensor/simd_targets.h"

namespace pixelgrad {
namespace {

using reference::backward_input;
using reference::backward_weight;
using reference::describe;
using reference::forward;
using reference::integers;
using reference::larger_cases;
using reference::naive_backward_input;
using reference::naive_backward_weight;
using reference::naive_forward;
using reference::NaiveConv2d;
using reference::random_case;

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

class Conv2dExact : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override {
    test::force_simd_target(GetParam());
    kernels::set_conv_algorithm(kernels::ConvAlgorithm::direct);
  }
  void TearDown() override {
    test::force_simd_target(0);
    kernels::set_conv_algorithm(kernels::ConvAlgorithm::automatic);
  }
};

TEST_P(Conv2dExact, GeneratedShapes) {
  Random random({.seed = 20, .stream = stream_of("conv2d shapes")});
  int dilated = 0, strided = 0, padded = 0, grouped = 0, depthwise = 0, pointwise = 0, tiny = 0;
  for (uint64_t i = 0; i < 600; ++i) {
    const NaiveConv2d c = random_case(random);
    dilated += c.dilation_w > 1 && c.kernel_w > 1;
    strided += c.stride_w > 1;
    padded += c.pad_left > 0;
    grouped += c.groups > 1 && c.group_in() > 1;
    depthwise += c.groups > 1 && c.group_in() == 1 && c.group_out() == 1;
    pointwise += c.kernel_h * c.kernel_w == 1;
    tiny += c.in_h * c.in_w <= 9;
    expect_exact<float>(c, i);
    expect_exact<double>(c, i);
    if (HasFailure()) return;  // one reproducer is enough
  }
  EXPECT_GE(dilated, 100);
  for (int kind : {strided, padded, grouped, depthwise, pointwise, tiny}) EXPECT_GE(kind, 30);
}

TEST_P(Conv2dExact, LargerShapes) {
  for (const NaiveConv2d& c : larger_cases()) {
    expect_exact<float>(c, 2);
    expect_exact<double>(c, 3);
  }
}

// A kernel of 1x1 over few pixels has loops of its own where channels fill whole vectors; 96 pixels
// is the most, 97 are left to the others. With groups and with taps that read only padding too.
TEST_P(Conv2dExact, FewPixels) {
  uint64_t seed = 0;
  for (const int64_t pixels : {1, 2, 5, 6, 7, 13, 96, 97})
    for (const int64_t in : {16, 96, 272})
      for (const int64_t out : {1, 3, 4, 7, 16, 70}) {
        NaiveConv2d c{.n = 1, .in_h = 1, .in_w = pixels, .in_channels = in, .out_channels = out};
        if (pixels == 6) c.n = 2, c.in_h = 3, c.in_w = 1;
        if (pixels == 5 && out % 2 == 0) c.groups = 2;
        if (pixels == 1)
          c.kernel_h = c.kernel_w = 3, c.pad_top = c.pad_left = c.pad_bottom = c.pad_right = 1;
        expect_exact<float>(c, ++seed);
        expect_exact<double>(c, ++seed);
        if (HasFailure()) return;
      }
}

// The input gradient of a first layer, whose few channels would leave most lanes empty, has loops
// of its own: rows cut into strips, images narrower and wider than a group of pixels, taps that
// reach beyond the image on either side, phases of a stride, a kernel smaller than its stride.
TEST_P(Conv2dExact, FewInputChannels) {
  uint64_t seed = 100;
  for (const int64_t channels : {1, 2, 3, 4, 5})
    for (const int64_t kernel : {2, 3, 7})
      for (const int64_t stride : {1, 2, 3})
        for (const int64_t dilation : {1, 2}) {
          NaiveConv2d c{.n = 2, .in_channels = channels, .out_channels = 8 + 3 * channels};
          c.in_h = stride == 1 ? 70 : 21, c.in_w = kernel == 2 ? 40 : 13;
          c.kernel_h = c.kernel_w = kernel;
          c.stride_h = c.stride_w = stride;
          c.dilation_h = c.dilation_w = dilation;
          c.pad_top = c.pad_left = dilation * (kernel / 2);
          c.pad_bottom = c.pad_right = dilation * ((kernel - 1) / 2) + channels % 2;
          expect_exact<float>(c, ++seed);
          expect_exact<double>(c, ++seed);
          if (HasFailure()) return;
        }
}

INSTANTIATE_TEST_SUITE_P(Targets, Conv2dExact, testing::ValuesIn(test::simd_targets()),
                         [](const auto& info) { return test::simd_target_name(info.param); });

}  // namespace
}  // namespace pixelgrad

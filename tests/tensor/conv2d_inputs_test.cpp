// A convolution that reads several inputs in turn: on whole numbers the kernels of the CPU must
// equal naive loops over all channels side by side to the last bit, by each algorithm, on each SIMD
// target that this processor has.
#include <gtest/gtest.h>

#include <numeric>
#include <tuple>

#include "tensor/parallel.h"
#include "tests/tensor/conv2d_calls.h"
#include "tests/tensor/conv2d_cases.h"
#include "tests/tensor/simd_targets.h"

namespace pixelgrad {
namespace {

using kernels::ConvAlgorithm;
using reference::describe;
using reference::integers;
using reference::larger_cases;
using reference::naive_backward_input;
using reference::naive_backward_weight;
using reference::naive_forward;
using reference::NaiveConv2d;
using reference::normals;
using reference::random_case;
using reference::SeveralInputs;
using reference::square_case;

using Parts = std::vector<int64_t>;

struct Case {
  NaiveConv2d c;
  Parts parts;
};

Case square(int64_t n, int64_t h, int64_t w, Parts parts, int64_t out) {
  const int64_t in = std::accumulate(parts.begin(), parts.end(), int64_t{0});
  return {square_case(n, h, w, in, out), std::move(parts)};
}

/// 3x3, stride 1: several blocks of tiles and of input channels, inputs that end within a vector.
std::vector<Case> squares() {
  return {square(1, 31, 60, {17, 23}, 33),   square(2, 16, 17, {40, 40}, 40),
          square(1, 9, 11, {130, 1, 7}, 70), square(1, 24, 25, {1, 3}, 5),
          square(1, 23, 24, {32, 64}, 32),   square(3, 7, 8, {257, 256}, 20)};
}

/// The channels of `c` dealt out to two or three inputs; none where there are groups or too few.
Parts cut(const NaiveConv2d& c, Random& random) {
  if (c.groups > 1 || c.in_channels < 3) return {};
  const int64_t first = 1 + random.below(c.in_channels - 2), rest = c.in_channels - first;
  if (random.chance(0.5)) return {first, rest};
  const int64_t second = 1 + random.below(rest - 1);
  return {first, second, rest - second};
}

template <class T>
void expect_exact(const NaiveConv2d& c, const Parts& parts, uint64_t seed) {
  SCOPED_TRACE(describe(c) + ", parts " + testing::PrintToString(parts) + ", seed " +
               std::to_string(seed));
  const auto x = integers<T>(c.x_size(), seed), w = integers<T>(c.weight_size(), seed + 1);
  const auto dy = integers<T>(c.y_size(), seed + 2);
  const auto bias = integers<T>(seed % 2 == 0 ? c.out_channels : 0, seed + 3);
  const SeveralInputs several{c, parts};
  EXPECT_TRUE(several.forward(x, w, bias) == naive_forward(c, x, w, bias)) << "forward";
  EXPECT_TRUE(several.backward_input(dy, w) == naive_backward_input(c, dy, w)) << "input gradient";
  EXPECT_TRUE(several.backward_weight(x, dy) == naive_backward_weight(c, x, dy))
      << "weight gradient";
}

// Naive loops take ten times as long under a sanitizer.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t cases = 15;
#else
constexpr uint64_t cases = 200;
#endif

class Conv2dInputs : public testing::TestWithParam<std::tuple<int64_t, ConvAlgorithm>> {
 protected:
  void SetUp() override {
    test::force_simd_target(std::get<0>(GetParam()));
    kernels::set_conv_algorithm(std::get<1>(GetParam()));
  }
  void TearDown() override {
    test::force_simd_target(0);
    kernels::set_conv_algorithm(ConvAlgorithm::automatic);
    set_num_threads(threads_);
  }
  const int threads_ = num_threads();
};

TEST_P(Conv2dInputs, GeneratedShapes) {
  Random random({.seed = 4, .stream = stream_of("conv2d inputs")});
  int three = 0, dilated = 0, strided = 0, single = 0;
  for (uint64_t i = 0; i < cases; ++i) {
    const NaiveConv2d c = random_case(random);
    const Parts parts = cut(c, random);
    if (parts.empty()) continue;
    three += parts.size() == 3;
    dilated += c.dilation_w > 1 && c.kernel_w > 1;
    strided += c.stride_w > 1;
    single += parts[0] == 1;
    expect_exact<float>(c, parts, i);
    expect_exact<double>(c, parts, i);
    if (HasFailure()) return;  // one reproducer is enough
  }
  EXPECT_GE(three, cases / 5);
  EXPECT_GE(dilated, cases / 10);
  EXPECT_GE(strided, cases / 10);
  EXPECT_GE(single, 1);
}

TEST_P(Conv2dInputs, LargerShapes) {
  Random random({.seed = 5, .stream = stream_of("conv2d inputs")});
  for (const NaiveConv2d& c : larger_cases()) {
    const Parts parts = cut(c, random);
    if (parts.empty()) continue;
    expect_exact<float>(c, parts, 2);
    expect_exact<double>(c, parts, 3);
  }
}

TEST_P(Conv2dInputs, Squares) {
  for (const Case& s : squares()) expect_exact<float>(s.c, s.parts, 2);
  for (const Case& s : squares()) expect_exact<double>(s.c, s.parts, 3);
}

TEST_P(Conv2dInputs, SameBitsForAnyNumberOfThreads) {
  for (const Case& s : squares()) {
    SCOPED_TRACE(describe(s.c));
    const SeveralInputs several{s.c, s.parts};
    const auto x = normals<float>(s.c.x_size(), 1), w = normals<float>(s.c.weight_size(), 2);
    const auto dy = normals<float>(s.c.y_size(), 3);
    set_num_threads(1);
    const auto y = several.forward(x, w), dx = several.backward_input(dy, w),
               dw = several.backward_weight(x, dy);
    for (int threads : {2, 4}) {
      set_num_threads(threads);
      EXPECT_TRUE(several.forward(x, w) == y) << threads << " threads";
      EXPECT_TRUE(several.backward_input(dy, w) == dx) << threads << " threads";
      EXPECT_TRUE(several.backward_weight(x, dy) == dw) << threads << " threads";
    }
  }
}

TEST_P(Conv2dInputs, EmptyBatchGivesZeroWeightGradient) {
  const NaiveConv2d c{.n = 0,
                      .in_h = 5,
                      .in_w = 5,
                      .in_channels = 5,
                      .out_channels = 4,
                      .kernel_h = 3,
                      .kernel_w = 3};
  const Parts parts{3, 2};
  const SeveralInputs several{c, parts};
  EXPECT_TRUE(several.forward({}, integers<float>(c.weight_size(), 1)).empty());
  for (float v : several.backward_weight<float>({}, {})) EXPECT_EQ(v, 0);
}

std::string name_of(const testing::TestParamInfo<Conv2dInputs::ParamType>& info) {
  const auto [target, algorithm] = info.param;
  for (const auto& [name, value] : kernels::conv_algorithms())
    if (value == algorithm) return test::simd_target_name(target) + "_" + name;
  return "unknown";
}

INSTANTIATE_TEST_SUITE_P(Targets, Conv2dInputs,
                         testing::Combine(testing::ValuesIn(test::simd_targets()),
                                          testing::Values(ConvAlgorithm::direct,
                                                          ConvAlgorithm::winograd)),
                         name_of);

}  // namespace
}  // namespace pixelgrad

#include "tensor/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "tensor/parallel.h"

namespace pixelgrad {
namespace {

using ::testing::ElementsAre;

constexpr uint64_t words(uint32_t low, uint32_t high) { return uint64_t{high} << 32 | low; }

// The known answers for philox4x32-10 that come with Random123 (Salmon et al. 2011). With seed 0
// the stream is the key; the counter is (index, step).
TEST(Philox, KnownAnswers) {
  EXPECT_THAT(philox({}, 0), ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  const uint64_t ones = ~uint64_t{0};
  EXPECT_THAT(philox({.seed = 0, .stream = ones, .step = ones}, ones),
              ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  // counter and key: the digits of pi
  EXPECT_THAT(philox({.seed = 0,
                      .stream = words(0xa4093822, 0x299f31d0),
                      .step = words(0x13198a2e, 0x03707344)},
                     words(0x243f6a88, 0x85a308d3)),
              ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

// FNV-1a of "" and "foobar", from the authors' test suite
TEST(StreamOf, IsFnv1a) {
  EXPECT_EQ(stream_of(""), 0xcbf29ce484222325ULL);
  EXPECT_EQ(stream_of("foobar"), 0x85944171f73967e8ULL);
}

TEST(Uniform, StaysBelowOne) {
  EXPECT_EQ(uniform_f32(0), 0.0F);
  EXPECT_EQ(uniform_f32(~0U), 1 - 0x1p-24F);
  EXPECT_EQ(uniform_f64(~0U, ~0U), 1 - 0x1p-53);
}

TEST(Random, GivesTheSameNumbersForTheSameKey) {
  Random a({.seed = 5, .stream = 1}), b({.seed = 5, .stream = 1}), c({.seed = 5, .stream = 2});
  int equal = 0;
  for (int i = 0; i < 100; ++i) {
    const uint32_t v = a.next();
    EXPECT_EQ(v, b.next());
    equal += v == c.next();
  }
  EXPECT_LE(equal, 1);
}

TEST(Random, BelowCoversItsRangeEvenly) {
  Random random({.seed = 9});
  std::array<int, 7> count{};
  const int n = 70000;
  for (int i = 0; i < n; ++i) ++count.at(static_cast<size_t>(random.below(7)));
  for (int c : count) EXPECT_NEAR(c, n / 7, 5 * std::sqrt(n / 7.0));
  EXPECT_EQ(random.below(1), 0);
  EXPECT_THROW(random.below(0), Error);
}

TEST(Fill, HasTheMomentsAskedFor) {
  const int64_t n = 1 << 20;
  Tensor x = Tensor::empty({n}, Dtype::f64);
  const auto moments = [&] {
    double mean = 0, square = 0;
    for (double v : x.span<double>()) {
      mean += v / n;
      square += v * v / n;
    }
    return std::pair(mean, square - mean * mean);
  };
  // within five standard errors
  fill_normal(x, {.seed = 1}, 3, 2);
  auto [mean, variance] = moments();
  EXPECT_NEAR(mean, 3, 5 * 2 / std::sqrt(n));
  EXPECT_NEAR(variance, 4, 5 * 4 * std::sqrt(2.0 / n));
  fill_uniform(x, {.seed = 1}, -1, 3);
  std::tie(mean, variance) = moments();
  EXPECT_NEAR(mean, 1, 5 * std::sqrt(16.0 / 12 / n));
  EXPECT_NEAR(variance, 16.0 / 12, 5 * 16 * std::sqrt(1.0 / 180 / n));
  for (double v : x.span<double>()) ASSERT_TRUE(v >= -1 && v < 3);
}

TEST(Fill, DependsOnKeyAndIndexAlone) {
  Tensor large = Tensor::empty({200001}, Dtype::f32), small = Tensor::empty({1001}, Dtype::f32);
  const RandomKey key{.seed = 2, .stream = 3, .step = 4};
  const int before = num_threads();
  set_num_threads(4);
  fill_normal(large, key, 0, 1);
  set_num_threads(1);
  fill_normal(small, key, 0, 1);
  EXPECT_EQ(std::memcmp(large.raw(), small.raw(), small.bytes()), 0);
  Tensor again = Tensor::empty({200001}, Dtype::f32);
  fill_normal(again, key, 0, 1);
  EXPECT_EQ(std::memcmp(large.raw(), again.raw(), again.bytes()), 0);
  set_num_threads(before);
}

}  // namespace
}  // namespace pixelgrad

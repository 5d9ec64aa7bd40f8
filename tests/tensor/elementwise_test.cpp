#include "tensor/kernels/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tensor/kernels/unary.h"

namespace pixelgrad {
namespace {

// Sizes around the widths of vectors and tiles.
constexpr int64_t sizes[] = {0, 1, 7, 8, 31, 32, 33, 1000, 32768, 32769, 100003};

template <class T>
class Elementwise : public testing::Test {};
using Floats = testing::Types<float, double>;
TYPED_TEST_SUITE(Elementwise, Floats);

TYPED_TEST(Elementwise, AllFiniteSeesEveryElement) {
  using T = TypeParam;
  for (int64_t n : sizes) {
    // huge values must not overflow to infinity on the way
    std::vector<T> x(static_cast<size_t>(n), std::numeric_limits<T>::max());
    EXPECT_TRUE((kernels::all_finite<Device::cpu, T>(n, x.data()))) << n;
    for (int64_t at : {int64_t{0}, n / 2, n - 1}) {
      if (at < 0 || at >= n) continue;
      for (T bad : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity(),
                    -std::numeric_limits<T>::infinity()}) {
        std::vector<T> y = x;
        y[static_cast<size_t>(at)] = bad;
        EXPECT_FALSE((kernels::all_finite<Device::cpu, T>(n, y.data()))) << n << " at " << at;
      }
    }
  }
}

// Whole numbers: every order of adding gives the same, exact sum.
TYPED_TEST(Elementwise, SumSeesEveryElement) {
  using T = TypeParam;
  for (int64_t n : sizes) {
    std::vector<T> x(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) x[static_cast<size_t>(i)] = static_cast<T>(i + 1);
    EXPECT_EQ((kernels::sum<Device::cpu, T>(n, x.data())), n * (n + 1) / 2.0) << n;
  }
}

TYPED_TEST(Elementwise, OutputsMayBeInputs) {
  using T = TypeParam;
  for (int64_t n : sizes) {
    std::vector<T> x(static_cast<size_t>(n)), expected(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = static_cast<T>(i % 100) - 50;
      expected[i] = 3 * std::max(2 * x[i], T{0});
    }
    kernels::add<Device::cpu, T>(n, x.data(), x.data(), x.data());
    kernels::unary_forward<Device::cpu, T>(kernels::UnaryOp::relu, {}, n, x.data(), x.data());
    kernels::scale<Device::cpu, T>(n, x.data(), 3, x.data());
    EXPECT_EQ(x, expected) << n;
  }
}

TYPED_TEST(Elementwise, ScaleByReadsItsFactorFromTheDevice) {
  using T = TypeParam;
  std::vector<T> x = {1, -2, 3}, y(3);
  const T one = 1, four = 4;
  kernels::scale_by<Device::cpu, T>(3, x.data(), &four, y.data());
  EXPECT_EQ(y, (std::vector<T>{4, -8, 12}));
  kernels::scale_by<Device::cpu, T>(3, x.data(), &one, y.data());
  EXPECT_EQ(y, x);
  kernels::broadcast<Device::cpu, T>(3, &four, 0.5, y.data());
  EXPECT_EQ(y, (std::vector<T>{2, 2, 2}));
}

}  // namespace
}  // namespace pixelgrad

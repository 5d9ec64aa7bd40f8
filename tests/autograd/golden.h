#pragma once
#include <gmock/gmock.h>

#include <limits>
#include <vector>

#include "autograd/graph.h"

// What the tests against numbers from elsewhere share; all in f64.
namespace pixelgrad {

inline constexpr double inf = std::numeric_limits<double>::infinity();
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

inline void expect_near(const Tensor& got, const std::vector<double>& expected,
                        double tolerance = 1e-12) {
  EXPECT_THAT(got.to_doubles(), testing::Pointwise(testing::DoubleNear(tolerance), expected));
}

inline Tensor leaf(Shape shape, const std::vector<double>& values) {
  return require_grad(Tensor::from(std::move(shape), values));
}

inline Tensor vec(const std::vector<double>& values) {
  return Tensor::from({static_cast<int64_t>(values.size())}, values);
}

}  // namespace pixelgrad

// Every op against its naive twin, and what it keeps for its backward. (op_cases_test.cpp
// checks what needs no twin.) Run one with ops_test --gtest_filter='*NAME*'.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "autograd/gradcheck.h"
#include "autograd/graph.h"
#include "tensor/allocator.h"
#include "tests/autograd/op_twins.h"

namespace pixelgrad {
namespace {

/// max |a - b| / max |b|, and infinity where one is NaN.
double relative_error(const std::vector<double>& a, const std::vector<double>& b) {
  double error = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double e = std::abs(a[i] - b[i]);
    if (!(e <= error)) error = std::isnan(e) ? INFINITY : e;
    largest = std::max(largest, std::abs(b[i]));
  }
  return error / std::max(largest, 1e-300);
}

class OpTwins : public testing::TestWithParam<OpTwin> {
 protected:
  void compare(const std::vector<Shape>& shapes) {
    const OpTwin& twin = GetParam();
    const std::vector<Tensor> x = random_inputs(shapes, Dtype::f64);
    const naive::Array expected = twin.naive({x.begin(), x.end()});
    const Tensor f64 = twin.op(x), f32 = twin.op(random_inputs(shapes, Dtype::f32));
    ASSERT_EQ(f64.shape(), expected.shape);
    ASSERT_EQ(f32.dtype(), Dtype::f32);
    EXPECT_LE(relative_error(f64.to_doubles(), expected.values), 1e-12);
    EXPECT_LE(relative_error(f32.to_doubles(), expected.values), 1e-6);
  }
};

TEST_P(OpTwins, AreEqual) { compare(GetParam().shapes); }
TEST_P(OpTwins, AreEqualWhenCutIntoTiles) { compare(GetParam().large_shapes); }

TEST_P(OpTwins, HaveTheGradientsOfDifferences) {
  const auto report = gradcheck(GetParam().op, random_inputs(GetParam().shapes, Dtype::f64));
  EXPECT_TRUE(report.passed) << report.to_table();
}

TEST_P(OpTwins, KeepWhatTheTableSays) {
  const OpTwin& twin = GetParam();
  Tensor y;
  const int64_t before = memory_stats().in_use;
  {
    std::vector<Tensor> x = random_inputs(twin.large_shapes, Dtype::f32);
    for (Tensor& t : x) t = require_grad(t);
    y = twin.op(x);
  }
  const int64_t output = static_cast<int64_t>(y.bytes());
  const int64_t kept = memory_stats().in_use - before - output;
  const int64_t expected = twin.keeps(twin.large_shapes, y.shape());
  // The allocator rounds each block up, by less than a quarter and a page.
  EXPECT_GE(kept, expected);
  EXPECT_LE(kept, expected + (expected + output) / 4 + 4096);
}

TEST_P(OpTwins, KeepNothingWithoutGradients) {
  const OpTwin& twin = GetParam();
  std::vector<Tensor> x = random_inputs(twin.large_shapes, Dtype::f32);
  EXPECT_FALSE(needs_grad(twin.op(x)));
  for (Tensor& t : x) t = require_grad(t);
  const NoGrad no_grad;
  const int64_t before = memory_stats().in_use;
  const Tensor y = twin.op(x);
  EXPECT_FALSE(needs_grad(y));
  EXPECT_LE(memory_stats().in_use - before, static_cast<int64_t>(y.bytes()) * 5 / 4 + 4096);
}

INSTANTIATE_TEST_SUITE_P(All, OpTwins, testing::ValuesIn(all_op_twins()), [](const auto& info) {
  std::string name = info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
});

}  // namespace
}  // namespace pixelgrad

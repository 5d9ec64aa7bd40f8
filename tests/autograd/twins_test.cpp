// The values of every op of the table against its naive twin, in both precisions.
#include "tests/autograd/twins.h"

#include <gtest/gtest.h>

#include <cmath>

#include "autograd/op_cases.h"

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

const Twins& all_twins() {
  static const Twins all = [] {
    Twins merged;
    for (auto* family : {convolution_twins, loss_twins, normalization_twins, pointwise_twins,
                         pooling_twins, reduction_twins, resize_twins, shape_twins})
      merged.merge(family());
    return merged;
  }();
  return all;
}

class OpTwins : public testing::TestWithParam<std::string> {};

TEST_P(OpTwins, AreEqual) {
  const auto twin = all_twins().find(GetParam());
  if (twin == all_twins().end()) GTEST_SKIP() << "no naive twin in tests/autograd/twins_*.cpp";
  for (const OpCase& op : op_cases()) {
    if (op.name != GetParam()) continue;
    for (const OpSample& sample : op.samples) {
      SCOPED_TRACE(sample.name);
      // f64 from f32, so that both precisions see the same numbers.
      std::vector<Tensor> singles, doubles;
      std::vector<naive::Array> arrays;
      for (const Tensor& x : sample.inputs(3)) {
        singles.push_back(x.to(Dtype::f32));
        doubles.push_back(singles.back().to(Dtype::f64));
        arrays.emplace_back(doubles.back());
      }
      const naive::Array expected = twin->second(arrays, sample.arguments);
      const Tensor f64 = sample.call(doubles), f32 = sample.call(singles);
      ASSERT_EQ(f64.shape(), expected.shape);
      EXPECT_LE(relative_error(f64.to_doubles(), expected.values), 1e-12);
      EXPECT_LE(relative_error(f32.to_doubles(), expected.values),
                sample.ill_conditioned ? 1e-3 : 2e-6);
    }
  }
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const OpCase& op : op_cases()) all.push_back(op.name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Table, OpTwins, testing::ValuesIn(names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace pixelgrad

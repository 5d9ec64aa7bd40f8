// Every check on every op case. A failure names the case; run one with
//   ops_test --gtest_filter='*CASE*'
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>

#include "autograd/gradcheck.h"
#include "autograd/graph.h"
#include "tensor/allocator.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/autograd/op_cases.h"

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

Tensor cotangent(const Tensor& y) {
  Tensor v = Tensor::empty(y.shape(), Dtype::f32);
  fill_normal(v, {.seed = 99}, 0, 1);
  return v.to(y.dtype());
}

/// The output, then the gradient of each input, for a random cotangent.
std::vector<Tensor> run(const OpCase& c, const std::vector<Shape>& shapes, Dtype dtype) {
  std::vector<Tensor> x = random_inputs(shapes, dtype);
  for (Tensor& t : x) t = require_grad(t);
  const Tensor y = c.op(x);
  backward(y, cotangent(y));
  std::vector<Tensor> results{y.detach()};
  for (const Tensor& t : x) results.push_back(grad(t));
  return results;
}

class OpTable : public testing::TestWithParam<OpCase> {
 protected:
  void compare_with_naive(const std::vector<Shape>& shapes) {
    const OpCase& c = GetParam();
    const std::vector<Tensor> x = random_inputs(shapes, Dtype::f64);
    const naive::Array expected = c.naive({x.begin(), x.end()});
    const Tensor f64 = c.op(x), f32 = c.op(random_inputs(shapes, Dtype::f32));
    ASSERT_EQ(f64.shape(), expected.shape);
    ASSERT_EQ(f32.dtype(), Dtype::f32);
    EXPECT_LE(relative_error(f64.to_doubles(), expected.values), 1e-12);
    EXPECT_LE(relative_error(f32.to_doubles(), expected.values), 1e-6);
  }
};

TEST_P(OpTable, EqualsItsNaiveTwin) { compare_with_naive(GetParam().shapes); }
TEST_P(OpTable, EqualsItsNaiveTwinWhenCutIntoTiles) { compare_with_naive(GetParam().large_shapes); }

TEST_P(OpTable, GradientsEqualDifferences) {
  const GradcheckReport r = gradcheck(GetParam().op, random_inputs(GetParam().shapes, Dtype::f64));
  EXPECT_TRUE(r.passed) << r.to_table();
}

TEST_P(OpTable, GradientsEqualDifferencesWhenCutIntoTiles) {
  const GradcheckReport r =
      gradcheck(GetParam().op, random_inputs(GetParam().large_shapes, Dtype::f64),
                {.check_all_up_to = 16, .samples = 16});
  EXPECT_TRUE(r.passed) << r.to_table();
}

TEST_P(OpTable, GradientsInF32EqualThoseInF64) {
  for (const auto& shapes : {GetParam().shapes, GetParam().large_shapes}) {
    const auto f32 = run(GetParam(), shapes, Dtype::f32), f64 = run(GetParam(), shapes, Dtype::f64);
    for (size_t i = 1; i < f32.size(); ++i)
      EXPECT_LE(relative_error(f32[i].to_doubles(), f64[i].to_doubles()), 3e-6)
          << "input " << i - 1;
  }
}

TEST_P(OpTable, GivesTheSameBitsOnAnyNumberOfThreads) {
  const int before = num_threads();
  for (Dtype dtype : {Dtype::f32, Dtype::f64}) {
    set_num_threads(1);
    const auto expected = run(GetParam(), GetParam().large_shapes, dtype);
    for (int threads : {2, 4}) {
      set_num_threads(threads);
      const auto got = run(GetParam(), GetParam().large_shapes, dtype);
      for (size_t i = 0; i < got.size(); ++i)
        EXPECT_EQ(std::memcmp(got[i].raw(), expected[i].raw(), got[i].bytes()), 0)
            << threads << " threads, " << name_of(dtype)
            << (i == 0 ? ", output" : ", gradient of input " + std::to_string(i - 1));
    }
  }
  set_num_threads(before);
}

TEST_P(OpTable, KeepsWhatTheTableSays) {
  const OpCase& c = GetParam();
  Tensor y;
  const int64_t before = memory_stats().in_use;
  {
    std::vector<Tensor> x = random_inputs(c.large_shapes, Dtype::f32);
    for (Tensor& t : x) t = require_grad(t);
    y = c.op(x);
  }
  const int64_t output = static_cast<int64_t>(y.bytes());
  const int64_t kept = memory_stats().in_use - before - output;
  const int64_t expected = c.keeps(c.large_shapes, y.shape());
  // The allocator rounds each block up, by less than a quarter and a page.
  EXPECT_GE(kept, expected);
  EXPECT_LE(kept, expected + (expected + output) / 4 + 4096);
}

TEST_P(OpTable, KeepsNothingWithoutGradients) {
  const OpCase& c = GetParam();
  std::vector<Tensor> x = random_inputs(c.large_shapes, Dtype::f32);
  EXPECT_FALSE(needs_grad(c.op(x)));
  for (Tensor& t : x) t = require_grad(t);
  const NoGrad no_grad;
  const int64_t before = memory_stats().in_use;
  const Tensor y = c.op(x);
  EXPECT_FALSE(needs_grad(y));
  EXPECT_LE(memory_stats().in_use - before, static_cast<int64_t>(y.bytes()) * 5 / 4 + 4096);
}

INSTANTIATE_TEST_SUITE_P(All, OpTable, testing::ValuesIn(all_op_cases()), [](const auto& info) {
  std::string name = info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
});

class LinearOp : public testing::TestWithParam<OpCase> {};

// <A x, v> = <x, transpose(A) v>, with no differences and so to the last digits.
TEST_P(LinearOp, BackwardIsTheAdjoint) {
  const OpCase& c = GetParam();
  const auto results = run(c, c.large_shapes, Dtype::f64);
  const auto dot = [](const Tensor& a, const Tensor& b) {
    const auto p = a.to_doubles(), q = b.to_doubles();
    double total = 0, size = 0;
    for (size_t i = 0; i < p.size(); ++i) {
      total += p[i] * q[i];
      size += std::abs(p[i] * q[i]);
    }
    return std::pair(total, size);
  };
  const auto [left, size] = dot(results[0], cotangent(results[0]));
  const auto [right, unused] = dot(random_inputs(c.large_shapes, Dtype::f64)[0], results[1]);
  EXPECT_NEAR(left, right, 1e-13 * size);
}

std::vector<OpCase> linear_cases() {
  std::vector<OpCase> cases = all_op_cases();
  std::erase_if(cases, [](const OpCase& c) { return !c.linear; });
  return cases;
}
INSTANTIATE_TEST_SUITE_P(All, LinearOp, testing::ValuesIn(linear_cases()), [](const auto& info) {
  std::string name = info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
});

// A new op without an entry in the table fails here.
TEST(Ops, AreAllInTheTable) {
  static const std::regex declaration(R"(^Tensor (\w+)\()");
  const std::vector<OpCase> cases = all_op_cases();
  int ops = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(PIXELGRAD_SOURCE_DIR "/autograd/ops")) {
    if (file.path().extension() != ".h") continue;
    std::ifstream in(file.path());
    std::smatch match;
    for (std::string line; std::getline(in, line);) {
      if (!std::regex_search(line, match, declaration)) continue;
      ++ops;
      const std::string op = match[1];
      EXPECT_TRUE(std::any_of(
          cases.begin(), cases.end(),
          [&](const OpCase& c) { return c.name == op || c.name.starts_with(op + "/"); }))
          << op << " of " << file.path().filename() << " has no case in op_cases_*.cpp";
    }
  }
  EXPECT_GE(ops, 20);
}

}  // namespace
}  // namespace pixelgrad

// Pointwise kernels and reductions on each SIMD target: the vector forms of exp, log, tanh and the
// normal distribution against the standard library in long double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "tensor/kernels/binary.h"
#include "tensor/kernels/reduce.h"
#include "tensor/kernels/unary.h"
#include "tests/tensor/simd_targets.h"

namespace pixelgrad {
namespace {

using kernels::UnaryOp;

struct Function {
  std::string name;
  UnaryOp op;
  std::function<long double(long double)> exact;
  double low, high;
  double ulps;  ///< largest error, in units in the last place of the value
};

const std::vector<Function> functions = {
    {"exp", UnaryOp::exp, [](long double x) { return std::exp(x); }, -80, 80, 3},
    {"log", UnaryOp::log, [](long double x) { return std::log(x); }, 1e-30, 1e30, 4},
    {"log near 1", UnaryOp::log, [](long double x) { return std::log(x); }, 0.5, 2, 4},
    {"sqrt", UnaryOp::sqrt, [](long double x) { return std::sqrt(x); }, 0, 1e30, 1},
    {"tanh", UnaryOp::tanh, [](long double x) { return std::tanh(x); }, -20, 20, 6},
    {"tanh near 0", UnaryOp::tanh, [](long double x) { return std::tanh(x); }, -1e-3, 1e-3, 6},
    {"sigmoid", UnaryOp::sigmoid, [](long double x) { return 1 / (1 + std::exp(-x)); }, -80, 80, 5},
    {"elu", UnaryOp::elu, [](long double x) { return x > 0 ? x : std::expm1(x); }, -20, 20, 6},
    {"elu near 0", UnaryOp::elu, [](long double x) { return x > 0 ? x : std::expm1(x); }, -1e-3,
     1e-3, 6},
    {"softplus", UnaryOp::softplus, [](long double x) { return std::log1p(std::exp(x)); }, -40, 40,
     8},
    {"silu", UnaryOp::silu, [](long double x) { return x / (1 + std::exp(-x)); }, -40, 40, 6},
    // The exponent -x^2 / 2 is itself rounded, by x^2 / 4 units: 25 at -10.
    {"gelu", UnaryOp::gelu, [](long double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0L)); },
     -10, 10, 40},
    {"gelu near 0", UnaryOp::gelu,
     [](long double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0L)); }, -2, 2, 8},
};

kernels::UnaryParameters parameters_of(UnaryOp op) {
  if (op == UnaryOp::elu) return {.first = 1};
  if (op == UnaryOp::softplus) return {.first = 1, .second = 100};
  return {};
}

class PointwiseKernel : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { test::force_simd_target(GetParam()); }
  void TearDown() override { test::force_simd_target(0); }

  template <class T>
  std::vector<T> apply(UnaryOp op, const std::vector<T>& x) {
    std::vector<T> y(x.size());
    kernels::unary_forward<Device::cpu, T>(op, parameters_of(op), static_cast<int64_t>(x.size()),
                                           x.data(), y.data());
    return y;
  }

  template <class T>
  void check_accuracy() {
    for (const Function& f : functions) {
      std::vector<T> x;
      const int n = 4001;  // leaves a remainder for every vector width
      for (int i = 0; i < n; ++i)
        x.push_back(static_cast<T>(f.high > 1e20 ? std::pow(f.high, 2.0 * i / (n - 1) - 1)
                                                 : f.low + (f.high - f.low) * i / (n - 1)));
      const std::vector<T> y = apply(f.op, x);
      double worst = 0;
      T at = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        const long double exact = f.exact(x[i]);
        const long double unit =
            std::max<long double>(std::abs(exact), std::numeric_limits<T>::min()) *
            std::numeric_limits<T>::epsilon();
        const double error = static_cast<double>(std::abs(y[i] - exact) / unit);
        if (!(error <= worst)) worst = error, at = x[i];
      }
      EXPECT_LE(worst, f.ulps) << f.name << " of " << at << " in " << sizeof(T) << " bytes";
    }
  }

  template <class T>
  void check_limits() {
    constexpr T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
    const auto expect = [&](UnaryOp op, T x, T y) {
      for (T got : apply(op, std::vector<T>(19, x)))
        EXPECT_TRUE(got == y || (std::isnan(got) && std::isnan(y)))
            << static_cast<int>(op) << " of " << x << " gave " << got << ", expected " << y;
    };
    for (UnaryOp op : {UnaryOp::exp, UnaryOp::log, UnaryOp::tanh, UnaryOp::sigmoid, UnaryOp::elu,
                       UnaryOp::softplus, UnaryOp::gelu, UnaryOp::silu, UnaryOp::relu})
      expect(op, nan, nan);
    for (T large : {T{1000}, std::numeric_limits<T>::max(), inf}) {
      expect(UnaryOp::exp, large, inf);
      expect(UnaryOp::exp, -large, 0);
      expect(UnaryOp::tanh, large, 1);
      expect(UnaryOp::tanh, -large, -1);
      expect(UnaryOp::sigmoid, large, 1);
      expect(UnaryOp::sigmoid, -large, 0);
      expect(UnaryOp::elu, large, large);
      expect(UnaryOp::elu, -large, -1);
      expect(UnaryOp::softplus, large, large);
      expect(UnaryOp::softplus, -large, 0);
      expect(UnaryOp::gelu, large, large);
    }
    expect(UnaryOp::exp, 0, 1);
    expect(UnaryOp::log, 0, -inf);
    expect(UnaryOp::log, -1, nan);
    expect(UnaryOp::log, inf, inf);
    expect(UnaryOp::log, 1, 0);
    expect(UnaryOp::sqrt, -1, nan);
    expect(UnaryOp::gelu, -1000, 0);
    expect(UnaryOp::relu, -inf, 0);
  }
};

TEST_P(PointwiseKernel, FunctionsAreRightToAFewUnits) {
  check_accuracy<float>();
  check_accuracy<double>();
}

TEST_P(PointwiseKernel, FunctionsKeepTheirLimits) {
  check_limits<float>();
  check_limits<double>();
}

// A value is computed by the same instructions wherever in the array it lies.
TEST_P(PointwiseKernel, ValuesDoNotDependOnTheirPlace) {
  std::vector<float> x(67);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 0.37F * static_cast<float>(i) - 11;
  for (UnaryOp op : {UnaryOp::exp, UnaryOp::gelu, UnaryOp::tanh, UnaryOp::softplus}) {
    const std::vector<float> y = apply(op, x);
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_EQ(apply(op, std::vector<float>{x[i]})[0], y[i]) << static_cast<int>(op) << " " << i;
  }
}

/// [outer, reduced, inner] to [outer, inner].
kernels::BroadcastAxes middle_axis(int64_t outer, int64_t reduced, int64_t inner) {
  kernels::BroadcastAxes axes;
  axes.count = 3;
  for (const auto& [at, size] : {std::pair{0, outer}, {1, reduced}, {2, inner}}) {
    axes.size[at] = size;
    axes.repeated[at] = at == 1;
  }
  return axes;
}

struct Sizes {
  int64_t outer, reduced, inner;
};
/// Around the widths of vectors, buffers, parts and tiles.
const std::vector<Sizes> reduction_sizes = {
    {1, 1, 1},     {3, 5, 1},     {17, 63, 1},   {9, 64, 1},   {3, 1000, 1}, {1, 33000, 1},
    {2, 70001, 1}, {4000, 16, 1}, {3, 5, 3},     {1, 65, 17},  {5, 64, 32},  {2, 7, 33},
    {1, 12000, 3}, {3, 70, 1025}, {2, 2000, 20}, {2000, 3, 7}, {1, 1, 40000}};

// Whole numbers: every order of adding gives the same, exact sum.
TEST_P(PointwiseKernel, SumsSeeEveryElement) {
  for (const auto& [outer, reduced, inner] : reduction_sizes) {
    std::vector<float> x(static_cast<size_t>(outer * reduced * inner));
    std::vector<float> y(static_cast<size_t>(outer * inner), -1), expected(y.size());
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 251);
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t c = 0; c < inner; ++c) {
        double sum = 0;
        for (int64_t r = 0; r < reduced; ++r)
          sum += x[static_cast<size_t>((o * reduced + r) * inner + c)];
        expected[static_cast<size_t>(o * inner + c)] = static_cast<float>(sum / 2);
      }
    kernels::reduce_sum<Device::cpu, float>(middle_axis(outer, reduced, inner), x.data(), 0.5,
                                            y.data());
    EXPECT_EQ(y, expected) << outer << " " << reduced << " " << inner;
  }
}

// Few different values, so that each maximum occurs often, and sometimes a NaN.
template <class T>
void expect_first_maxima() {
  for (const auto& [outer, reduced, inner] : reduction_sizes)
    for (const bool with_nan : {false, true}) {
      std::vector<T> x(static_cast<size_t>(outer * reduced * inner));
      for (size_t i = 0; i < x.size(); ++i) {
        x[i] = static_cast<T>(i * 7919 % 101 % 10) - 20;
        if (with_nan && i * 31 % 1009 == 17) x[i] = std::numeric_limits<T>::quiet_NaN();
      }
      std::vector<T> y(static_cast<size_t>(outer * inner));
      std::vector<int64_t> index(y.size(), -1), expected(y.size());
      for (int64_t o = 0; o < outer; ++o)
        for (int64_t c = 0; c < inner; ++c) {
          int64_t best = o * reduced * inner + c;
          for (int64_t r = 0; r < reduced; ++r) {
            const int64_t i = (o * reduced + r) * inner + c;
            if (std::isnan(x[static_cast<size_t>(best)])) break;
            if (x[static_cast<size_t>(i)] > x[static_cast<size_t>(best)] ||
                std::isnan(x[static_cast<size_t>(i)]))
              best = i;
          }
          expected[static_cast<size_t>(o * inner + c)] = best;
        }
      kernels::reduce_max<Device::cpu, T>(middle_axis(outer, reduced, inner), x.data(), y.data(),
                                          index.data());
      EXPECT_EQ(index, expected) << outer << " " << reduced << " " << inner;
      for (size_t i = 0; i < y.size(); ++i) {
        const T largest = x[static_cast<size_t>(expected[i])];
        EXPECT_TRUE(y[i] == largest || (std::isnan(y[i]) && std::isnan(largest))) << i;
      }
    }
}

TEST_P(PointwiseKernel, MaximaAreTheFirstOfEqualOnes) {
  expect_first_maxima<float>();
  expect_first_maxima<double>();
}

TEST_P(PointwiseKernel, OutputsMayBeInputs) {
  std::vector<double> x(1037), expected(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<double>(i % 100) - 50;
    expected[i] = std::abs(x[i] * x[i] - x[i]);
  }
  const int64_t n = static_cast<int64_t>(x.size());
  const kernels::Operand<double> whole{x.data(), kernels::broadcast_axes({n}, {n})};
  std::vector<double> square(x.size());
  kernels::binary_forward<Device::cpu, double>(kernels::BinaryOp::mul, n, whole, whole,
                                               square.data());
  kernels::binary_forward<Device::cpu, double>(kernels::BinaryOp::sub, n,
                                               {square.data(), whole.axes}, whole, x.data());
  kernels::unary_forward<Device::cpu, double>(UnaryOp::abs, {}, n, x.data(), x.data());
  EXPECT_EQ(x, expected);
}

INSTANTIATE_TEST_SUITE_P(Targets, PointwiseKernel, testing::ValuesIn(test::simd_targets()),
                         [](const auto& info) { return test::simd_target_name(info.param); });

// Dimensions of one kind are folded, and those of size 1 do not count.
TEST(BroadcastAxes, AreFolded) {
  const auto text = [](const Shape& small, const Shape& large) {
    const kernels::BroadcastAxes axes = kernels::broadcast_axes(small, large);
    std::string all;
    for (int i = 0; i < axes.count; ++i)
      all += (axes.repeated[i] ? "*" : "") + std::to_string(axes.size[i]) + " ";
    return all;
  };
  EXPECT_EQ(text({4}, {2, 3, 5, 4}), "*30 4 ");
  EXPECT_EQ(text({2, 1, 1, 4}, {2, 3, 5, 4}), "2 *15 4 ");
  EXPECT_EQ(text({2, 3, 5, 4}, {2, 3, 5, 4}), "120 ");
  EXPECT_EQ(text({}, {2, 3, 5, 4}), "*120 ");
  EXPECT_EQ(text({1, 1}, {1, 1}), "");
  EXPECT_EQ(text({2, 1, 5, 1}, {2, 1, 5, 4}), "10 *4 ");
  EXPECT_EQ(kernels::broadcast_axes({2, 1, 1, 4}, {2, 3, 5, 4}).kept(), 8);
  EXPECT_EQ(kernels::broadcast_axes({2, 1, 1, 4}, {2, 3, 5, 4}).all(), 120);
  EXPECT_THROW(text({1, 2, 1, 2, 1, 2, 1, 2, 1}, {2, 2, 2, 2, 2, 2, 2, 2, 2}), Error);
}

}  // namespace
}  // namespace pixelgrad

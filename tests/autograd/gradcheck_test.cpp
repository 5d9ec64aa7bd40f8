// The checker is checked: right backwards pass, and each kind of wrong one is found and named. The
// ops here are written in the tests, so that nothing of the library's own ops can hide a mistake.
#include "autograd/gradcheck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "autograd/graph.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

using ::testing::HasSubstr;

Tensor normal(const Shape& shape, uint64_t seed, Dtype dtype = Dtype::f64) {
  Tensor x = Tensor::empty(shape, dtype);
  fill_normal(x, {.seed = seed}, 0, 1);
  return x;
}

/// Spoils a gradient; the tests pass a lambda.
using Spoil = std::function<void(int64_t index, double& gradient)>;

/// y = f(x) for each element, with dy/dx = slope(x), spoiled.
Tensor elementwise(const Tensor& x, double (*f)(double), double (*slope)(double),
                   const Spoil& spoil = nullptr) {
  const std::vector<double> values = x.to_doubles();
  std::vector<double> y(values.size());
  for (size_t i = 0; i < y.size(); ++i) y[i] = f(values[i]);
  return record("elementwise", Tensor::from(x.shape(), y).to(x.dtype()), {x},
                [x, slope, spoil](const Tensor& dy) -> Grads {
                  const std::vector<double> at = x.to_doubles();
                  std::vector<double> dx = dy.to_doubles();
                  for (size_t i = 0; i < dx.size(); ++i) {
                    dx[i] *= slope(at[i]);
                    if (spoil) spoil(static_cast<int64_t>(i), dx[i]);
                  }
                  return {Tensor::from(x.shape(), dx).to(x.dtype())};
                });
}

Tensor cube(const Tensor& x, const Spoil& spoil = nullptr) {
  return elementwise(
      x, [](double v) { return v * v * v; }, [](double v) { return 3 * v * v; }, spoil);
}

Tensor relu_like(const Tensor& x, const Spoil& spoil = nullptr) {
  return elementwise(
      x, [](double v) { return v > 0 ? v : 0.0; }, [](double v) { return v > 0 ? 1.0 : 0.0; },
      spoil);
}

/// y = a b + a; the gradient of a is dy (b + 1), or dy b where the second term is forgotten.
Tensor product_plus(const Tensor& a, const Tensor& b, bool forget_term) {
  const int64_t n = a.numel();
  Tensor y = Tensor::empty(a.shape(), Dtype::f64);
  double* py = y.mutable_data<double>();
  for (int64_t i = 0; i < n; ++i)
    py[i] = a.data<double>()[i] * b.data<double>()[i] + a.data<double>()[i];
  return record("product_plus", y, {a, b}, [a, b, n, forget_term](const Tensor& dy) -> Grads {
    Tensor da = dy.clone(), db = dy.clone();
    double *pa = da.mutable_data<double>(), *pb = db.mutable_data<double>();
    for (int64_t i = 0; i < n; ++i) {
      pa[i] *= b.data<double>()[i] + (forget_term ? 0 : 1);
      pb[i] *= a.data<double>()[i];
    }
    return {da, db};
  });
}

/// Normalises each column of x [rows, columns] over the rows; with eps in the forward, and in the
/// backward `backward_eps`.
Tensor normalise(const Tensor& x, double eps, double backward_eps) {
  const int64_t rows = x.shape(0), columns = x.shape(1);
  Tensor y = Tensor::empty(x.shape(), Dtype::f64);
  std::vector<double> mean(columns), variance(columns);
  const double* px = x.data<double>();
  double* py = y.mutable_data<double>();
  for (int64_t c = 0; c < columns; ++c) {
    for (int64_t r = 0; r < rows; ++r) mean[c] += px[r * columns + c] / rows;
    for (int64_t r = 0; r < rows; ++r)
      variance[c] += std::pow(px[r * columns + c] - mean[c], 2) / rows;
    for (int64_t r = 0; r < rows; ++r)
      py[r * columns + c] = (px[r * columns + c] - mean[c]) / std::sqrt(variance[c] + eps);
  }
  return record("normalise", y, {x}, [=](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty(x.shape(), Dtype::f64);
    for (int64_t c = 0; c < columns; ++c) {
      const double inverse = 1 / std::sqrt(variance[c] + backward_eps);
      const auto hat = [&](int64_t r) {
        return (x.data<double>()[r * columns + c] - mean[c]) * inverse;
      };
      const auto g = [&](int64_t r) { return dy.data<double>()[r * columns + c]; };
      double sum = 0, sum_hat = 0;
      for (int64_t r = 0; r < rows; ++r) sum += g(r) / rows, sum_hat += g(r) * hat(r) / rows;
      for (int64_t r = 0; r < rows; ++r)
        dx.mutable_data<double>()[r * columns + c] = inverse * (g(r) - sum - hat(r) * sum_hat);
    }
    return {dx};
  });
}

/// y = x + bias for each row of x [rows, columns].
Tensor add_bias(const Tensor& x, const Tensor& bias, double spoil = 0) {
  const int64_t rows = x.shape(0), columns = x.shape(1);
  Tensor y = x.clone();
  for (int64_t i = 0; i < rows * columns; ++i)
    y.mutable_data<double>()[i] += bias.data<double>()[i % columns];
  return record("add_bias", y, {x, bias}, [=](const Tensor& dy) -> Grads {
    Tensor db = Tensor::full({columns}, spoil, Dtype::f64);
    for (int64_t i = 0; i < rows * columns; ++i)
      db.mutable_data<double>()[i % columns] += dy.data<double>()[i];
    return {dy, db};
  });
}

DifferentiableFn cube_spoiled(Spoil spoil) {
  return [spoil](const std::vector<Tensor>& in) { return cube(in[0], spoil); };
}

TEST(Gradcheck, RightBackwardPassesWithDigitsToSpare) {
  const GradcheckReport report = gradcheck(cube_spoiled(nullptr), {normal({2, 3, 4}, 1)});
  EXPECT_TRUE(report.passed) << report.to_table();
  EXPECT_LT(report.worst_scaled_error(), 1e-10);
  ASSERT_EQ(report.inputs.size(), 1u);
  EXPECT_EQ(report.inputs[0].elements.size(), 24u);
  EXPECT_EQ(report.step, 0x1p-10);
  EXPECT_EQ(report.tolerance, 1e-8);
  // 4-point differences are exact for a cubic: only rounding is left.
  EXPECT_GT(report.inputs[0].max_gradient, 0.5);
}

TEST(Gradcheck, FourPointDifferenceHasFourthOrderError) {
  // L = v exp(x): the error of the 4-point difference is v h^4 exp(x) / 30, from Taylor's series.
  const auto exponential = [](const std::vector<Tensor>& in) {
    return elementwise(
        in[0], [](double v) { return std::exp(v); }, [](double v) { return std::exp(v); });
  };
  for (const double h : {0.1, 0.05}) {
    const GradcheckReport report =
        gradcheck(exponential, {Tensor::zeros({1}, Dtype::f64)}, {.step = h, .tolerance = 1});
    EXPECT_NEAR(report.worst_scaled_error(), std::pow(h, 4) / 30, 0.01 * std::pow(h, 4) / 30);
  }
}

TEST(Gradcheck, FindsAFactorNearOne) {
  const auto report =
      gradcheck(cube_spoiled([](int64_t, double& g) { g *= 1 + 1e-6; }), {normal({30}, 1)});
  EXPECT_FALSE(report.passed);
  EXPECT_NEAR(report.worst_scaled_error(), 1e-6, 1e-9);
  EXPECT_TRUE(report.inputs[0].kinks().empty());
}

TEST(Gradcheck, FindsAMissingTermAndNamesTheInput) {
  const std::vector<Tensor> inputs{normal({5}, 1), normal({5}, 2)};
  const auto run = [&](bool forget) {
    return gradcheck(
        [&](const std::vector<Tensor>& in) { return product_plus(in[0], in[1], forget); }, inputs,
        {.names = {"a", "b"}});
  };
  EXPECT_TRUE(run(false).passed);
  const GradcheckReport report = run(true);
  EXPECT_FALSE(report.inputs[0].passed);
  EXPECT_TRUE(report.inputs[1].passed);
  EXPECT_THAT(report.to_table(), testing::ContainsRegex("BAD +a "));
  EXPECT_THAT(report.to_table(), testing::ContainsRegex("ok +b "));
}

TEST(Gradcheck, FindsASwappedIndex) {
  // y = x with a backward that transposes: with v = 1 everywhere nobody would see it.
  const auto fn = [](const std::vector<Tensor>& in) {
    return record("identity", in[0].clone(), in, [](const Tensor& dy) -> Grads {
      Tensor dx = dy.clone();
      for (int64_t r = 0; r < 4; ++r)
        for (int64_t c = 0; c < 4; ++c)
          dx.mutable_data<double>()[r * 4 + c] = dy.data<double>()[c * 4 + r];
      return {dx};
    });
  };
  EXPECT_FALSE(gradcheck(fn, {normal({4, 4}, 1)}).passed);
}

TEST(Gradcheck, FindsAZeroAtOneElementAndNamesIt) {
  const auto report = gradcheck(cube_spoiled([](int64_t i, double& g) { g = i == 17 ? 0 : g; }),
                                {normal({2, 3, 4}, 1)}, {.names = {"image"}});
  EXPECT_FALSE(report.passed);
  const GradcheckElement worst = report.inputs[0].worst();
  EXPECT_EQ(worst.index, 17);
  EXPECT_EQ(worst.analytic, 0);
  EXPECT_GT(std::abs(worst.numeric), 1e-6);
  EXPECT_THAT(report.to_table(), HasSubstr("[1,1,1]"));  // 17 = (1 * 3 + 1) * 4 + 1
  EXPECT_THAT(report.to_table(), HasSubstr("image"));
}

TEST(Gradcheck, FindsEpsDroppedInTheBackwardOfANorm) {
  const auto run = [](double backward_eps) {
    return gradcheck(
        [=](const std::vector<Tensor>& in) { return normalise(in[0], 1e-5, backward_eps); },
        {normal({16, 3}, 5)});
  };
  EXPECT_TRUE(run(1e-5).passed) << run(1e-5).to_table();
  const GradcheckReport report = run(0);
  EXPECT_FALSE(report.passed);
  EXPECT_LT(report.worst_scaled_error(), 1e-3);  // a checker at PyTorch's rtol would let it pass
}

TEST(Gradcheck, AGradientThatIsTrulyZeroIsNoNoiseOverNoise) {
  const std::vector<Tensor> inputs{normal({12, 3}, 1), normal({3}, 2)};
  const auto run = [&](double spoil) {
    return gradcheck(
        [=](const std::vector<Tensor>& in) {
          return normalise(add_bias(in[0], in[1], spoil), 1e-5, 1e-5);
        },
        inputs);
  };
  const GradcheckReport report = run(0);
  EXPECT_TRUE(report.passed) << report.to_table();
  EXPECT_LT(report.inputs[1].max_gradient, 1e-12);
  EXPECT_FALSE(run(1e-9).inputs[1].passed);  // but a wrong zero is no zero
}

TEST(Gradcheck, FindsAnOpThatForgotToRecord) {
  const auto report =
      gradcheck([](const std::vector<Tensor>& in) { return in[0].clone(); }, {normal({3}, 1)});
  EXPECT_FALSE(report.passed);
  EXPECT_EQ(report.inputs[0].worst().analytic, 0);
}

TEST(Gradcheck, KinkAtAnElementIsListedAndExcludedOnlyBetweenTheSlopes) {
  const Tensor x = Tensor::from<double>({4}, {1.0, 0.0, -1.0, 2.0});
  const auto run = [&](double factor) {
    return gradcheck(
        [=](const std::vector<Tensor>& in) {
          return relu_like(in[0], [=](int64_t i, double& g) { g = i == 1 ? factor : g; });
        },
        {x});
  };
  const GradcheckReport report = run(0);
  EXPECT_TRUE(report.passed) << report.to_table();
  ASSERT_EQ(report.inputs[0].kinks().size(), 1u);
  const GradcheckElement kink = report.inputs[0].kinks()[0];
  EXPECT_EQ(kink.index, 1);
  EXPECT_TRUE(kink.excluded);
  EXPECT_NEAR(kink.left, 0, 1e-9);
  EXPECT_GE(std::abs(kink.right), 0.5 - 1e-9);
  EXPECT_EQ(report.kinks_excluded(), 1);
  EXPECT_THAT(report.to_table(), HasSubstr("kink at [1]"));

  const GradcheckReport wrong = run(2);  // the slopes are 0 and +-(0.5 to 1.5)
  EXPECT_FALSE(wrong.passed);
  EXPECT_EQ(wrong.inputs[0].worst().index, 1);
  EXPECT_EQ(wrong.kinks_excluded(), 0);
  EXPECT_THAT(wrong.to_table(), HasSubstr("NOT between"));
}

TEST(Gradcheck, KinkNearAnElementIsSteppedAround) {
  for (const double distance : {1.9e-3, 7e-4, -5e-5, 4e-6}) {
    const Tensor x = Tensor::from<double>({3}, {1.0, distance, -1.0});
    const auto right =
        gradcheck([](const std::vector<Tensor>& in) { return relu_like(in[0]); }, {x});
    EXPECT_TRUE(right.passed) << right.to_table();
    EXPECT_EQ(right.inputs[0].refined, 1) << distance;
    EXPECT_TRUE(right.inputs[0].kinks().empty());
    // A wrong gradient does not hide behind the kink.
    const auto wrong = gradcheck(
        [](const std::vector<Tensor>& in) {
          return relu_like(in[0], [](int64_t i, double& g) { g += i == 1 ? 1e-6 : 0; });
        },
        {x});
    EXPECT_FALSE(wrong.passed);
    EXPECT_EQ(wrong.inputs[0].worst().index, 1);
  }
}

TEST(Gradcheck, AJumpOfTheValueIsNoKink) {
  const auto heaviside = [](const std::vector<Tensor>& in) {
    return elementwise(
        in[0], [](double v) { return v > 0 ? 1.0 : 0.0; }, [](double) { return 0.0; });
  };
  const auto report = gradcheck(heaviside, {Tensor::zeros({1}, Dtype::f64)});
  EXPECT_FALSE(report.passed);
  EXPECT_TRUE(report.inputs[0].kinks().empty());
}

TEST(Gradcheck, StronglyCurvedFunctionsGetASmallerStep) {
  const auto steep = [](const std::vector<Tensor>& in) {
    return elementwise(
        in[0], [](double v) { return std::sin(50 * v); },
        [](double v) { return 50 * std::cos(50 * v); });
  };
  const auto report = gradcheck(steep, {Tensor::from<double>({2}, {0.1, 0.2})});
  EXPECT_TRUE(report.passed) << report.to_table();
  EXPECT_GT(report.inputs[0].refined, 0);
}

TEST(Gradcheck, ValuesAndGradientsMustRepeatBitForBit) {
  int calls = 0;
  const auto drifting = [&](const std::vector<Tensor>& in) {
    Tensor y = in[0].clone();
    y.mutable_data<double>()[0] += ++calls * 1e-9;
    return record("drifting", y, in, [](const Tensor& dy) -> Grads { return {dy}; });
  };
  const auto forward = gradcheck(drifting, {normal({3}, 1)});
  EXPECT_FALSE(forward.passed);
  EXPECT_THAT(forward.problem, HasSubstr("another value"));
  EXPECT_THAT(forward.to_table(), HasSubstr("another value"));
  EXPECT_TRUE(std::isinf(forward.worst_scaled_error()));

  const auto backward = gradcheck(
      cube_spoiled([&](int64_t, double& g) { g *= 1 + ++calls * 1e-15; }), {normal({3}, 1)});
  EXPECT_FALSE(backward.passed);
  EXPECT_THAT(backward.problem, HasSubstr("another gradient of input 0"));
}

TEST(Gradcheck, NotANumberIsFound) {
  const auto one =
      gradcheck(cube_spoiled([](int64_t i, double& g) { g = i == 2 ? NAN : g; }), {normal({5}, 1)});
  EXPECT_FALSE(one.passed);
  EXPECT_EQ(one.inputs[0].worst().index, 2);
  EXPECT_TRUE(std::isinf(one.worst_scaled_error()));
  const auto infinite = gradcheck(
      cube_spoiled([](int64_t i, double& g) { g = i == 2 ? INFINITY : g; }), {normal({5}, 1)});
  EXPECT_FALSE(infinite.passed);
  EXPECT_TRUE(std::isinf(infinite.worst_scaled_error()));
}

TEST(Gradcheck, LargeInputsAreSampledWithTheirEndsAndTheirLargestGradient) {
  const Tensor x = normal({50, 100}, 3);
  const GradcheckOptions few{.check_all_up_to = 100, .samples = 20};
  const auto right = gradcheck(cube_spoiled(nullptr), {x}, few);
  EXPECT_TRUE(right.passed);
  EXPECT_GE(right.inputs[0].elements.size(), 20u);
  EXPECT_LE(right.inputs[0].elements.size(), 21u);
  for (const int64_t end : {int64_t{0}, int64_t{4999}})
    EXPECT_EQ(
        gradcheck(cube_spoiled([=](int64_t i, double& g) { g = i == end ? 2 * g : g; }), {x}, few)
            .inputs[0]
            .worst()
            .index,
        end);
  // Garbage at one element must not become the yardstick that excuses the others.
  for (const double garbage : {1e30, static_cast<double>(NAN)}) {
    const auto report = gradcheck(
        cube_spoiled([=](int64_t i, double& g) { g = i == 1234 ? garbage : g; }), {x}, few);
    EXPECT_FALSE(report.passed);
    EXPECT_EQ(report.inputs[0].worst().index, 1234);
  }
}

TEST(Gradcheck, SinglePrecisionResolvesLess) {
  const Tensor x = normal({20}, 1, Dtype::f32);
  const auto right = gradcheck(cube_spoiled(nullptr), {x});
  EXPECT_TRUE(right.passed) << right.to_table();
  EXPECT_EQ(right.tolerance, 2e-3);
  EXPECT_FALSE(gradcheck(cube_spoiled([](int64_t, double& g) { g *= 1.01; }), {x}).passed);
}

TEST(Gradcheck, ChecksParametersInPlaceAndPutsThemBack) {
  const Tensor weight = require_grad(normal({6}, 4));
  const Tensor before = weight.clone();
  // As with a module: fn does not look at its argument.
  const auto report = gradcheck([&](const std::vector<Tensor>&) { return cube(weight); }, {weight});
  EXPECT_TRUE(report.passed) << report.to_table();
  EXPECT_GT(report.inputs[0].max_gradient, 0.1);
  EXPECT_EQ(std::memcmp(before.raw(), weight.raw(), before.bytes()), 0);
  EXPECT_FALSE(grad(weight).defined());
}

TEST(Gradcheck, PutsTheElementBackWhenFnThrows) {
  const Tensor x = normal({6}, 4);
  const Tensor before = x.clone();
  int calls = 0;
  const auto failing = [&](const std::vector<Tensor>& in) {
    if (++calls == 5) throw Error("[failing] no more");
    return cube(in[0]);
  };
  EXPECT_THROW(gradcheck(failing, {x}), Error);
  EXPECT_EQ(std::memcmp(before.raw(), x.raw(), before.bytes()), 0);
}

TEST(Gradcheck, SaysWhichInputIsUnfit) {
  const auto message = [](const Tensor& second) -> std::string {
    try {
      gradcheck([](const std::vector<Tensor>& in) { return cube(in[0]); },
                {normal({2}, 1), second});
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  };
  EXPECT_THAT(message(Tensor()), HasSubstr("input 1 is undefined, expected f32 or f64"));
  EXPECT_THAT(message(Tensor::zeros({2}, Dtype::i32)), HasSubstr("input 1 is of i32"));
  EXPECT_THAT(message(cube(require_grad(normal({2}, 1)))), HasSubstr("not a leaf"));
}

}  // namespace
}  // namespace pixelgrad

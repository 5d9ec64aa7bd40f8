// Every op of the table keeps the same promises: its gradients are right, it computes the same in
// both precisions and with any number of threads, and it explains bad arguments.
#include "autograd/op_cases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include "autograd/graph.h"
#include "tensor/allocator.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

using ::testing::HasSubstr;

const OpCase& find_case(const std::string& name) {
  for (const OpCase& op : op_cases())
    if (op.name == name) return op;
  throw Error("no such case: " + name);
}

/// Under AddressSanitizer, which looks for other mistakes, fewer elements of large inputs.
#ifdef __SANITIZE_ADDRESS__
const GradcheckOptions few_elements{.check_all_up_to = 128, .samples = 32};
#else
const GradcheckOptions few_elements{};
#endif

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const OpCase& op : op_cases()) all.push_back(op.name);
  return all;
}

Tensor random_like(const Tensor& x, uint64_t seed) {
  Tensor v = Tensor::empty(x.shape(), Dtype::f64);
  fill_normal(v, {.seed = seed, .stream = stream_of("op_cases_test")}, 0, 1);
  return v.to(x.dtype());
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  long double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<long double>(a[i]) * b[i];
  return static_cast<double>(sum);
}

double norm(const std::vector<double>& a) { return std::sqrt(dot(a, a)); }

std::vector<double> difference(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> d(a.size());
  for (size_t i = 0; i < a.size(); ++i) d[i] = a[i] - b[i];
  return d;
}

/// |a - b| / |b| in the Euclidean norm; 0 when both are 0.
double relative_difference(const std::vector<double>& a, const std::vector<double>& b) {
  const double d = norm(difference(a, b));
  return d == 0 ? 0 : d / norm(b);
}

/// The value of a sample and the gradients of its inputs for one random cotangent.
std::vector<Tensor> value_and_gradients(const OpSample& sample, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> leaves;
  for (const Tensor& x : inputs) leaves.push_back(require_grad(x.detach()));
  const Tensor y = sample.call(leaves);
  std::vector<Tensor> results{y.detach().clone()};
  backward(y, random_like(y, 11));
  for (const Tensor& x : leaves) results.push_back(grad(x));
  return results;
}

class OpCases : public ::testing::TestWithParam<std::string> {
 protected:
  const OpCase& op() const { return find_case(GetParam()); }
  const std::vector<std::string>& names_of_inputs(const OpSample& sample) const {
    return sample.input_names.empty() ? op().inputs : sample.input_names;
  }
};

TEST_P(OpCases, GradientsAreRight) {
  const GradcheckSummary summary =
      run_gradcheck_cases(op_cases(), {.name = op().name, .options = few_elements});
  ASSERT_EQ(summary.ops.size(), 1u);
  EXPECT_TRUE(summary.passed) << summary.ops[0].failures();
  EXPECT_LE(summary.ops[0].worst_scaled_error, 1e-8);
  EXPECT_GT(summary.ops[0].elements, 0);
  EXPECT_EQ(summary.ops[0].kinks, 0) << "samples keep clear of kinks";
}

TEST_P(OpCases, GradientsAreNotAllZero) {
  for (const OpSample& sample : op().samples) {
    const auto results = value_and_gradients(sample, sample.inputs(0));
    double sum = 0;
    for (size_t i = 1; i < results.size(); ++i) sum += norm(results[i].to_doubles());
    EXPECT_GT(sum, 0) << sample.name;
  }
}

TEST_P(OpCases, SinglePrecisionAgreesWithDouble) {
  for (const OpSample& sample : op().samples) {
    std::vector<Tensor> singles, doubles;
    for (const Tensor& x : sample.inputs(0)) {
      singles.push_back(x.to(Dtype::f32));
      doubles.push_back(singles.back().to(Dtype::f64));
    }
    const auto single = value_and_gradients(sample, singles);
    const auto twice = value_and_gradients(sample, doubles);
    EXPECT_EQ(single[0].dtype(), Dtype::f32);
    EXPECT_LE(relative_difference(single[0].to_doubles(), twice[0].to_doubles()), 5e-6)
        << sample.name;
    if (sample.ill_conditioned) continue;
    // The gradients of one check share a scale, as in gradcheck: one may be truly zero.
    double scale = 0;
    for (size_t i = 1; i < twice.size(); ++i) scale = std::max(scale, norm(twice[i].to_doubles()));
    for (size_t i = 1; i < twice.size(); ++i)
      EXPECT_LE(norm(difference(single[i].to_doubles(), twice[i].to_doubles())),
                1e-5 * std::max(norm(twice[i].to_doubles()), 1e-3 * scale))
          << sample.name << ", gradient of " << names_of_inputs(sample)[i - 1];
  }
}

TEST_P(OpCases, SameBitsForAnyNumberOfThreads) {
  const int before = num_threads();
  for (const Dtype dtype : {Dtype::f32, Dtype::f64})
    for (const OpSample& sample : op().samples) {
      std::vector<Tensor> inputs = sample.inputs(0);
      for (Tensor& x : inputs) x = x.to(dtype);
      set_num_threads(1);
      const auto expected = value_and_gradients(sample, inputs);
      for (const int threads : {2, 4}) {
        set_num_threads(threads);
        const auto got = value_and_gradients(sample, inputs);
        for (size_t i = 0; i < got.size(); ++i)
          EXPECT_EQ(std::memcmp(got[i].raw(), expected[i].raw(), got[i].bytes()), 0)
              << sample.name << ", " << threads << " threads, result " << i << " of "
              << name_of(dtype);
      }
    }
  set_num_threads(before);
}

// For f affine in an input, J dx = f(dx) - f(0), and <J dx, v> = <dx, J^T v> must hold to rounding:
// backward is then the exact transpose of forward, and no finite difference is involved.
TEST_P(OpCases, BackwardOfALinearOpIsItsTranspose) {
  if (!op().linear) GTEST_SKIP() << "not linear";
  for (const OpSample& sample : op().samples) {
    const std::vector<Tensor> inputs = sample.inputs(0);
    const auto results = value_and_gradients(sample, inputs);
    const std::vector<double> v = random_like(results[0], 11).to_doubles();
    for (size_t i = 0; i < inputs.size(); ++i) {
      std::vector<Tensor> moved = inputs;
      moved[i] = random_like(inputs[i], 12);
      // A sample may read an input twice, as mul(x, x) does: then it is not linear in it.
      if (sample.name == "an input with itself") continue;
      const std::vector<double> at_dx = sample.call(moved).to_doubles();
      moved[i] = Tensor::zeros(inputs[i].shape(), Dtype::f64);
      const std::vector<double> jdx = difference(at_dx, sample.call(moved).to_doubles());
      const std::vector<double> dx = random_like(inputs[i], 12).to_doubles();
      const std::vector<double> jtv = results[i + 1].to_doubles();
      EXPECT_LE(std::abs(dot(jdx, v) - dot(dx, jtv)),
                1e-12 * std::max(norm(at_dx) * norm(v), norm(dx) * norm(jtv)))
          << sample.name << ", input " << names_of_inputs(sample)[i];
    }
  }
}

// R(h) = L(x + h d) - L(x) - h <grad L, d> is what a first-order model leaves: h^2 for a right
// gradient, h for a wrong one, and nothing but rounding where L is affine in the input.
TEST_P(OpCases, TheTaylorRemainderIsOfSecondOrder) {
  if (op().has_kinks && !op().linear) GTEST_SKIP() << "not smooth";
  if (op().name == "cast") GTEST_SKIP() << "rounds to single precision";
  for (const OpSample& sample : op().samples) {
    if (sample.ill_conditioned) continue;
    const std::vector<Tensor> inputs = sample.inputs(0);
    const auto results = value_and_gradients(sample, inputs);
    const std::vector<double> v = random_like(results[0], 11).to_doubles();
    const double value = dot(results[0].to_doubles(), v);
    const double size = norm(results[0].to_doubles()) * norm(v);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const std::vector<double> d = random_like(inputs[i], 13).to_doubles();
      const double slope = dot(results[i + 1].to_doubles(), d);
      const auto remainder = [&](double h) {
        std::vector<double> moved = inputs[i].to_doubles();
        for (size_t k = 0; k < moved.size(); ++k) moved[k] += h * d[k];
        std::vector<Tensor> at = inputs;
        at[i] = Tensor::from(inputs[i].shape(), moved);
        return dot(sample.call(at).to_doubles(), v) - value - h * slope;
      };
      const std::string where = sample.name + ", input " + names_of_inputs(sample)[i];
      const bool twice = sample.name == "an input with itself";
      if (op().linear && !twice) {
        EXPECT_LE(std::abs(remainder(1)), 1e-12 * std::max(size + norm(d) * norm(v), 1.0)) << where;
        continue;
      }
      const double wide = remainder(1e-4), narrow = remainder(5e-5);
      if (std::abs(wide) <= 1e-12 * std::max(size, 1.0)) continue;  // affine in this input
      EXPECT_NEAR(std::log2(std::abs(wide / narrow)), 2, 0.05) << where << ", remainder " << wide;
    }
  }
}

TEST_P(OpCases, KeepWhatTheTableSays) {
  ASSERT_TRUE(op().saved_bytes) << "the table does not say what the graph keeps";
  for (const OpSample& sample : op().samples) {
    std::vector<Tensor> inputs = sample.inputs(0);
    std::vector<Shape> shapes;
    for (Tensor& x : inputs) {
      shapes.push_back(x.shape());
      x = x.to(Dtype::f32);
    }
    Tensor y;
    const int64_t before = memory_stats().in_use;
    {
      std::vector<Tensor> x;
      for (const Tensor& t : inputs) x.push_back(require_grad(t.clone()));
      y = sample.call(x);
    }
    const auto output = static_cast<int64_t>(y.bytes());
    const int64_t kept = memory_stats().in_use - before - output;
    const int64_t expected = op().saved_bytes(sample, shapes, y.shape(), 4);
    // The allocator rounds each block up, by less than a quarter and a page.
    EXPECT_GE(kept, expected) << sample.name;
    EXPECT_LE(kept, expected + (expected + output) / 4 + 4096) << sample.name;
  }
}

TEST_P(OpCases, KeepNothingWithoutGradients) {
  for (const OpSample& sample : op().samples) {
    std::vector<Tensor> x;
    for (const Tensor& t : sample.inputs(0)) x.push_back(t.to(Dtype::f32));
    EXPECT_FALSE(needs_grad(sample.call(x))) << sample.name;
    for (Tensor& t : x) t = require_grad(t);
    const NoGrad no_grad;
    const int64_t before = memory_stats().in_use;
    const Tensor y = sample.call(x);
    // An op that has nothing to do may hand back its input.
    EXPECT_TRUE(!needs_grad(y) || y.same_as(x[0])) << sample.name;
    EXPECT_LE(memory_stats().in_use - before, static_cast<int64_t>(y.bytes()) * 5 / 4 + 4096)
        << sample.name;
  }
}

TEST_P(OpCases, BadArgumentsAreExplained) {
  EXPECT_GE(op().errors.size(), 3u);
  for (const OpError& error : op().errors) {
    try {
      error.call();
      ADD_FAILURE() << error.name << ": no error";
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), HasSubstr(error.message)) << error.name;
      EXPECT_THAT(e.what(), Not(HasSubstr("\n"))) << error.name;
    }
  }
}

TEST_P(OpCases, TheTableIsComplete) {
  EXPECT_GE(op().samples.size(), 8u);
  std::set<std::string> seen;
  for (const OpSample& sample : op().samples) {
    EXPECT_TRUE(seen.insert(sample.name).second) << "twice: " << sample.name;
    EXPECT_LE(sample.inputs(0).size(), names_of_inputs(sample).size()) << sample.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, OpCases, ::testing::ValuesIn(names()),
                         [](const auto& info) { return info.param; });

// Reads the ops' own files: each function that they offer, and each name that they record, must be
// in the table.
TEST(OpTable, NamesEveryOpThereIs) {
  std::set<std::string> known;
  for (const OpCase& op : op_cases()) EXPECT_TRUE(known.insert(op.name).second) << op.name;
  const std::regex offered(R"rx((?:^|\n)Tensor (\w+)\()rx"),
      recorded(R"rx(\brecord\(\s*"([^"]*)")rx");
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PIXELGRAD_OPS_FOLDER)) {
    const bool header = entry.path().extension() == ".h";
    std::ifstream file(entry.path());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::regex& pattern = header ? offered : recorded;
    for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it, ++found)
      EXPECT_TRUE(known.count((*it)[1]))
          << entry.path() << ": '" << (*it)[1] << "' has no entry in op_cases()";
  }
  EXPECT_GT(found, 30);
}

std::string refusal(const GradcheckRequest& request) {
  try {
    run_gradcheck_cases(op_cases(), request);
  } catch (const UsageError& e) {
    return e.what();
  }
  return "no error";
}

TEST(OpTable, RunsOneOpOrOneSampleAndRefusesOthers) {
  std::vector<std::string> heard;
  const GradcheckSummary one =
      run_gradcheck_cases(op_cases(), {.name = "crop2d", .sample = "top left"},
                          [&](const OpCheck& op) { heard.push_back(op.name); });
  ASSERT_EQ(one.ops.size(), 1u);
  EXPECT_EQ(one.ops[0].name, "crop2d");
  ASSERT_EQ(one.ops[0].samples.size(), 1u);
  EXPECT_EQ(one.ops[0].samples[0].name, "top left");
  EXPECT_EQ(heard, std::vector<std::string>{"crop2d"});
  EXPECT_THAT(refusal({.name = "crop3d"}),
              AllOf(HasSubstr("'crop3d'"), HasSubstr("conv2d"), HasSubstr("mse")));
  EXPECT_THAT(refusal({.name = "crop2d", .sample = "top"}),
              AllOf(HasSubstr("no sample is called 'top'"), HasSubstr("top left")));
}

TEST(OpTable, AToleranceThatCannotBeMetFails) {
  const GradcheckSummary summary =
      run_gradcheck_cases(op_cases(), {.name = "center_crop2d", .options = {.tolerance = 1e-18}});
  EXPECT_FALSE(summary.passed);
  EXPECT_FALSE(summary.ops[0].passed);
  EXPECT_THAT(summary.ops[0].failures(), HasSubstr("center_crop2d, "));
}

TEST(OpTable, SinglePrecisionIsHeldAgainstDifferencesInDouble) {
  for (const std::string name : {"conv2d", "sigmoid", "cross_entropy"}) {
    const GradcheckSummary f32 =
        run_gradcheck_cases(op_cases(), {.name = name, .dtype = Dtype::f32});
    EXPECT_TRUE(f32.passed) << f32.ops[0].failures();
    EXPECT_LE(f32.ops[0].worst_scaled_error, 1e-4);
    EXPECT_GT(f32.ops[0].worst_scaled_error, 1e-9) << name << " did not run in f32";
  }
}

}  // namespace
}  // namespace pixelgrad

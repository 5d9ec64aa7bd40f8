// Every parameter of every model against differences of its logits, in f64.
#include "models/model_cases.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "models/registry.h"

namespace pixelgrad {
namespace {

class ModelGradient : public testing::TestWithParam<std::string> {};

TEST_P(ModelGradient, AgreesWithDifferences) {
  const auto& cases = model_cases();
  ASSERT_TRUE(std::any_of(cases.begin(), cases.end(), [](const OpCase& c) {
    return c.name == GetParam();
  })) << "no entry in model_cases()";
  const GradcheckSummary summary =
      run_gradcheck_cases(cases, {.name = GetParam(), .options = model_check_options()});
  EXPECT_TRUE(summary.passed) << summary.ops[0].failures();
  EXPECT_LE(summary.ops[0].worst_scaled_error, 1e-6);
  for (const SampleCheck& sample : summary.ops[0].samples)
    for (const GradcheckInput& input : sample.report.inputs)
      EXPECT_GT(input.max_gradient, 0) << sample.name << ", " << input.name;
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const ModelInfo& info : list_models()) all.push_back(info.name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, ModelGradient, testing::ValuesIn(names()));

}  // namespace
}  // namespace pixelgrad

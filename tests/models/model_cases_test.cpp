// Every parameter of a model of each family against differences of its logits, in f64.
#include "models/model_cases.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "models/registry.h"

namespace pixelgrad {
namespace {

class ModelGradient : public testing::TestWithParam<std::string> {};

TEST_P(ModelGradient, AgreesWithDifferences) {
  const GradcheckSummary summary =
      run_gradcheck_cases(model_cases(), {.name = GetParam(), .options = model_check_options()});
  EXPECT_TRUE(summary.passed) << summary.ops[0].failures();
  EXPECT_LE(summary.ops[0].worst_scaled_error, 1e-6);
  for (const SampleCheck& sample : summary.ops[0].samples)
    for (const GradcheckInput& input : sample.report.inputs)
      EXPECT_GT(input.max_gradient, 0) << sample.name << ", " << input.name;
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const OpCase& c : model_cases()) all.push_back(c.name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, ModelGradient, testing::ValuesIn(names()));

// On a deeper ResNet a model has more of the same blocks.
TEST(ModelCases, EveryFamilyHasOne) {
  std::set<std::string> families, checked;
  for (const ModelInfo& info : list_models()) {
    families.insert(info.family);
    for (const std::string& name : names())
      if (name == info.name) checked.insert(info.family);
  }
  EXPECT_EQ(checked, families);
}

}  // namespace
}  // namespace pixelgrad

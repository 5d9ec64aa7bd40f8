// Every layer against differences of its output: its input and all its parameters.
#include "layers/layer_cases.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

namespace pixelgrad {
namespace {

class LayerGradient : public testing::TestWithParam<std::string> {};

TEST_P(LayerGradient, AgreesWithDifferences) {
  const GradcheckSummary summary = run_gradcheck_cases(layer_cases(), {.name = GetParam()});
  EXPECT_TRUE(summary.passed) << summary.ops[0].failures();
  EXPECT_LE(summary.ops[0].worst_scaled_error, 1e-8);
  for (const SampleCheck& sample : summary.ops[0].samples)
    for (const GradcheckInput& input : sample.report.inputs)
      EXPECT_GT(input.max_gradient, 0) << sample.name << ", " << input.name;
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const OpCase& layer : layer_cases()) all.push_back(layer.name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, LayerGradient, testing::ValuesIn(names()),
                         [](const auto& info) { return info.param; });

// A class that derives from Layer in a header of layers/ has a case.
TEST(LayerCases, HoldEveryLayer) {
  const std::vector<std::string> listed = names();
  const std::set<std::string> known(listed.begin(), listed.end());
  const std::regex pattern(R"(class (\w+)( final)? : public Layer\b)");
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PIXELGRAD_LAYERS_FOLDER)) {
    if (entry.path().extension() != ".h") continue;
    std::ifstream file(entry.path());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it, ++found)
      EXPECT_TRUE(known.count((*it)[1])) << entry.path() << ": " << (*it)[1];
  }
  EXPECT_GE(found, 9);
}

}  // namespace
}  // namespace pixelgrad

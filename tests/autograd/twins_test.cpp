// The values of every op of the table against its naive twin, in both precisions.
#include "tests/autograd/twins.h"

#include <gtest/gtest.h>

namespace pixelgrad {
namespace {

class OpTwins : public testing::TestWithParam<std::string> {};

TEST_P(OpTwins, AreEqual) {
  const auto twin = all_twins().find(GetParam());
  if (twin == all_twins().end()) GTEST_SKIP() << "no naive twin in tests/autograd/twins_*.cpp";
  for (const OpCase& op : op_cases()) {
    if (op.name != GetParam()) continue;
    for (const OpSample& sample : op.samples) {
      const TwinErrors errors = compare_with_twin(sample, twin->second);
      EXPECT_LE(errors.f64, 1e-12) << sample.name;
      EXPECT_LE(errors.f32, sample.ill_conditioned ? 1e-3 : 2e-6) << sample.name;
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

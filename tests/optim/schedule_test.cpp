#include "optim/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tensor/check.h"
#include "tests/support/fixtures.h"

namespace pixelgrad {
namespace {

using testing::Fixture;
using ::testing::HasSubstr;

/// The schedules of the fixtures.
class ScheduleTest : public ::testing::TestWithParam<Fixture> {
 protected:
  const Schedule schedule_ = Schedule::parse(GetParam().attributes.texts());
};

TEST_P(ScheduleTest, EqualsPyTorch) {
  const std::vector<double> rates = GetParam().at("rates").to_doubles();
  ASSERT_GE(static_cast<int64_t>(rates.size()), schedule_.total_steps);
  for (size_t i = 0; i < rates.size(); ++i)
    EXPECT_NEAR(schedule_(static_cast<int64_t>(i)), rates[i], 1e-15) << "step " << i;
}

TEST_P(ScheduleTest, StaysAtItsEnd) {
  const Schedule& s = schedule_;
  EXPECT_EQ(s(s.total_steps + 1000), s(s.total_steps));
}

TEST_P(ScheduleTest, ReadsBackWhatItWrites) {
  const Schedule& s = schedule_;
  const Schedule again = Schedule::parse(s.options());
  EXPECT_EQ(again.options(), s.options());
  for (int64_t i = 0; i <= s.total_steps; ++i) EXPECT_EQ(again(i), s(i)) << "step " << i;
}

INSTANTIATE_TEST_SUITE_P(Fixtures, ScheduleTest,
                         ::testing::ValuesIn(testing::read_fixtures("schedules")),
                         [](const auto& info) { return testing::test_name(info.param); });

TEST(Schedule, EveryOneHasFixtures) {
  std::set<std::string> covered;
  for (const Fixture& fixture : testing::read_fixtures("schedules")) covered.insert(fixture.op);
  EXPECT_THAT(covered, ::testing::UnorderedElementsAreArray(Schedule::names()));
}

// A schedule of 100 steps: the published poly policy at 1, 50 and 99.
TEST(Schedule, PolyOfTheSemsegRecipes) {
  const Schedule s{.lr = 0.01, .total_steps = 100, .decay = PolyDecay{}};
  EXPECT_NEAR(s(1), 0.00990995, 1e-8);
  EXPECT_NEAR(s(50), 0.00535887, 1e-8);
  EXPECT_NEAR(s(99), 0.000158489, 1e-9);
}

// One step, or a top at the first or the last one, must not divide by zero.
TEST(Schedule, ShortOneCyclesAreFinite) {
  for (const int64_t total : {1, 2, 3})
    for (const double pct : {0.0, 0.3, 0.5, 1.0}) {
      const Schedule s{.lr = 0.1, .total_steps = total, .decay = OneCycle{.pct_start = pct}};
      for (int64_t i = 0; i <= total; ++i) {
        EXPECT_GE(s(i), 4e-7 * (1 - 1e-12))
            << total << " steps, pct_start " << pct << ", step " << i;
        EXPECT_LE(s(i), 0.1) << total << " steps, pct_start " << pct << ", step " << i;
      }
    }
}

std::string refusal(const OptionMap& options) {
  try {
    Schedule::parse(options);
  } catch (const UsageError& e) {
    return e.what();
  }
  return "accepted";
}

TEST(Schedule, NamesWhatIsWrongWithTheText) {
  EXPECT_EQ(
      refusal({{"name", "ploy"}}),
      "[schedule] option name is 'ploy', expected one of: constant, poly, step, cosine, one_cycle");
  EXPECT_EQ(refusal({{"name", "poly"}, {"powr", "2"}}),
            "[schedule poly] unknown option 'powr', expected one of: lr, min_lr, name, power, "
            "total_steps, "
            "warmup_start, warmup_steps");
  EXPECT_EQ(refusal({{"lr", "fast"}}),
            "[schedule constant] option lr is 'fast', expected a number from 0 to 1.79769e+308");
  EXPECT_THAT(refusal({{"lr", "-1"}}), HasSubstr("option lr is '-1'"));
  EXPECT_THAT(refusal({{"lr", "nan"}}), HasSubstr("option lr is 'nan'"));
  EXPECT_THAT(refusal({{"lr", "0.1x"}}), HasSubstr("option lr is '0.1x'"));
  EXPECT_THAT(refusal({{"total_steps", "1.5"}}), HasSubstr("expected a whole number"));
  EXPECT_THAT(refusal({{"total_steps", "5"}, {"warmup_steps", "6"}}),
              HasSubstr("warmup_steps is '6'"));
  EXPECT_THAT(refusal({{"name", "step"}, {"milestones", "3,,4"}}),
              HasSubstr("milestones is '3,,4'"));
  EXPECT_THAT(refusal({{"name", "step"}, {"milestones", "4,3"}}), HasSubstr("milestones fall"));
}

TEST(Schedule, RefusesFieldsOutOfRange) {
  EXPECT_THROW((Schedule{.lr = -1})(0), UsageError);
  EXPECT_THROW((Schedule{.total_steps = 0})(0), UsageError);
  EXPECT_THROW((Schedule{})(-1), UsageError);
  EXPECT_THROW((Schedule{.decay = OneCycle{.div_factor = 0}})(0), UsageError);
}

}  // namespace
}  // namespace pixelgrad

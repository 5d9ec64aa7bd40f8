#include "optim/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tensor/check.h"

namespace pixelgrad {
namespace {

using testing::HasSubstr;

/// A schedule, and learning rates at some steps from torch.optim.lr_scheduler in float64.
struct Case {
  std::string name;
  Schedule schedule;
  std::vector<std::pair<int64_t, double>> expected;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class ScheduleTest : public testing::TestWithParam<Case> {};

TEST_P(ScheduleTest, EqualsPyTorch) {
  for (const auto& [step, lr] : GetParam().expected)
    EXPECT_NEAR(GetParam().schedule(step), lr, 1e-15) << "step " << step;
}

TEST_P(ScheduleTest, StaysAtItsEnd) {
  const Schedule& s = GetParam().schedule;
  EXPECT_EQ(s(s.total_steps + 1000), s(s.total_steps));
}

TEST_P(ScheduleTest, ReadsBackWhatItWrites) {
  const Schedule& s = GetParam().schedule;
  const Schedule again = Schedule::parse(s.options());
  EXPECT_EQ(again.options(), s.options());
  for (int64_t i = 0; i <= s.total_steps; ++i) EXPECT_EQ(again(i), s(i)) << "step " << i;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](const char* name, Schedule schedule,
                       std::vector<std::pair<int64_t, double>> expected) {
    all.push_back({name, std::move(schedule), std::move(expected)});
  };
  add("constant", {.lr = 0.1, .total_steps = 20}, {{0, 0.1}, {19, 0.1}});
  add("poly", {.lr = 0.1, .total_steps = 20, .decay = PolyDecay{}},
      {{0, 0.1},
       {1, 0.09548853816214997},
       {7, 0.06786127592581251},
       {19, 0.006746414238367823},
       {20, 0}});
  add("every", {.lr = 0.1, .total_steps = 20, .decay = StepDecay{.every = 3, .gamma = 0.5}},
      {{0, 0.1}, {2, 0.1}, {3, 0.05}, {8, 0.025}, {9, 0.0125}, {20, 0.0015625}});
  add("milestones",
      {.lr = 0.1, .total_steps = 20, .decay = StepDecay{.milestones = {5, 12}, .gamma = 0.2}},
      {{4, 0.1}, {5, 0.02}, {11, 0.02}, {12, 0.004}, {20, 0.004}});
  add("cosine", {.lr = 0.1, .total_steps = 20, .decay = CosineDecay{.min_lr = 0.004}},
      {{0, 0.1},
       {1, 0.09940904034856662},
       {7, 0.07379154398749826},
       {19, 0.004590959651433392},
       {20, 0.004}});
  add("one_cycle", {.lr = 0.1, .total_steps = 20, .decay = OneCycle{}},
      {{0, 0.004},
       {1, 0.013167184270002533},
       {4, 0.09083281572999748},
       {5, 0.1},
       {6, 0.09874640062350874},
       {12, 0.0500002},
       {18, 0.0012539993764912555},
       {19, 4e-07}});
  add("one_cycle_between_steps",
      {.lr = 0.1,
       .total_steps = 23,
       .decay = OneCycle{.pct_start = 0.25, .div_factor = 10, .final_div_factor = 100}},
      {{0, 0.01},
       {1, 0.019488677077162286},
       {4, 0.09457631880429201},
       {5, 0.09994823549865404},
       {6, 0.09871124417954029},
       {12, 0.06242799891034536},
       {21, 0.000926088003394586},
       {22, 0.0001}});
  add("warmup_poly",
      {.lr = 0.1, .total_steps = 20, .warmup_steps = 5, .warmup_start = 0.2, .decay = PolyDecay{}},
      {{0, 0.02},
       {1, 0.036},
       {4, 0.084},
       {5, 0.1},
       {6, 0.09397949325887223},
       {12, 0.05679352896179234},
       {19, 0.008740129486931663},
       {20, 0}});
  add("warmup_cosine",
      {.lr = 0.1,
       .total_steps = 20,
       .warmup_steps = 4,
       .warmup_start = 0.01,
       .decay = CosineDecay{}},
      {{0, 0.001},
       {1, 0.02575},
       {3, 0.07525},
       {4, 0.1},
       {5, 0.09903926402016153},
       {12, 0.05},
       {19, 0.0009607359798384786},
       {20, 0}});
  add("warmup_step",
      {.lr = 0.1,
       .total_steps = 20,
       .warmup_steps = 4,
       .warmup_start = 0.1,
       .decay = StepDecay{.milestones = {3, 6}}},
      {{0, 0.01}, {3, 0.0775}, {4, 0.1}, {6, 0.1}, {7, 0.01}, {9, 0.01}, {10, 0.001}, {20, 0.001}});
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, ScheduleTest, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

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

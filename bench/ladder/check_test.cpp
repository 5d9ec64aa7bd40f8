// The rungs are held against the naive one by a Checker; here it has to find wrong ones.
#include "bench/ladder/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace pixelgrad::ladder {
namespace {

using testing::HasSubstr;

const Sizes sizes{.batch = 2, .height = 3, .width = 4, .in = 5, .out = 6};

Rung wrong(void (*run)(const Layer&)) { return {.name = "wrong", .idea = "", .run = run}; }

TEST(LadderChecker, AcceptsTheNaiveRung) {
  const Agreement a = Checker(sizes)(rungs()[0]);
  EXPECT_TRUE(a.ok) << a.complaint;
  EXPECT_EQ(a.difference, 0);
}

TEST(LadderChecker, NamesTheWrongElement) {
  const Agreement a = Checker(sizes)({.name = "wrong",
                                      .idea = "",
                                      .run =
                                          [](const Layer& l) {
                                            rungs()[0](l);
                                            l.output(1, 2, 3)[4] += 1;
                                          },
                                      .fused = true});
  EXPECT_FALSE(a.ok);
  EXPECT_THAT(a.complaint, HasSubstr("wrong: 1 of 144 results are wrong on integers"));
  EXPECT_THAT(a.complaint, HasSubstr("y[1,2,3,4] is "));
}

TEST(LadderChecker, SeesResultsThatNobodyWrote) {
  // All but the first image: the other's results are what was there before.
  const Agreement a = Checker(sizes)(wrong([](const Layer& l) {
    Layer first = l;
    first.batch = 1;
    naive(first);
  }));
  EXPECT_FALSE(a.ok);
  EXPECT_THAT(a.complaint, HasSubstr("72 of 144 results are wrong on integers"));
  EXPECT_THAT(a.complaint, HasSubstr("is nan"));
}

TEST(LadderChecker, SeesALossOfDigits) {
  // Half the digits of f32: right on small integers, wrong on others.
  const Agreement a = Checker(sizes)(wrong([](const Layer& l) {
    naive(l);
    std::for_each(l.y, l.output(l.batch, 0, 0), [](float& y) {
      const float shifted = y * 4097;
      y = shifted - (shifted - y);
    });
  }));
  EXPECT_FALSE(a.ok);
  EXPECT_THAT(a.complaint, HasSubstr("on normal numbers"));
  EXPECT_GT(a.difference, 1e-5);
}

}  // namespace
}  // namespace pixelgrad::ladder

#include "data/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "tensor/check.h"

namespace pixelgrad {
namespace {

using ::testing::ElementsAre;

TEST(Split, TailTakesTheLastSamples) {
  const SplitRule rule = parse_split_rule("tail:20%");
  EXPECT_THAT(split_indices(rule, "train", 5), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(split_indices(rule, "val", 5), ElementsAre(4));
  EXPECT_THAT(split_indices(rule, "all", 3), ElementsAre(0, 1, 2));
  EXPECT_EQ(split_indices(rule, "val", 101).front(), 81);  // CamSeq01: 81 and 20
}

TEST(Split, BothPartsGetAtLeastOne) {
  EXPECT_THAT(split_indices(parse_split_rule("tail:1%"), "val", 2), ElementsAre(1));
  EXPECT_THAT(split_indices(parse_split_rule("tail:99%"), "train", 2), ElementsAre(0));
}

TEST(Split, RandomIsAPartitionThatTheSeedDecides) {
  const SplitRule rule = parse_split_rule("random:25%:7");
  const auto train = split_indices(rule, "train", 40), val = split_indices(rule, "val", 40);
  EXPECT_EQ(val.size(), 10u);
  std::set<int64_t> all(train.begin(), train.end());
  all.insert(val.begin(), val.end());
  EXPECT_EQ(all.size(), 40u);
  EXPECT_TRUE(std::is_sorted(val.begin(), val.end()));
  EXPECT_EQ(val, split_indices(rule, "val", 40));
  EXPECT_NE(val, split_indices(parse_split_rule("random:25%:8"), "val", 40));
  EXPECT_NE(val, split_indices(parse_split_rule("tail:25%"), "val", 40));
}

TEST(Split, MalformedRulesAreRefused) {
  for (const char* text : {"", "tail", "tail:20", "tail:0%", "tail:100%", "tail:x%", "tail:20%:1",
                           "head:20%", "random:20%:", "random:20%:x", "random:20%:1x", "tail:nan%"})
    EXPECT_THROW(parse_split_rule(text), UsageError) << text;
  EXPECT_EQ(parse_split_rule("random:12.5%").percent, 12.5);
  EXPECT_THROW(split_indices({}, "test", 9), UsageError);
  EXPECT_THROW(split_indices({}, "val", 1), UsageError);
}

TEST(Shuffled, IsAPermutationByKey) {
  auto a = shuffled(100, 1, "shuffle", 0);
  EXPECT_EQ(a, shuffled(100, 1, "shuffle", 0));
  EXPECT_NE(a, shuffled(100, 1, "shuffle", 1));
  EXPECT_NE(a, shuffled(100, 2, "shuffle", 0));
  std::sort(a.begin(), a.end());
  for (int64_t i = 0; i < 100; ++i) EXPECT_EQ(a[static_cast<size_t>(i)], i);
  EXPECT_TRUE(shuffled(0, 1, "shuffle", 0).empty());
}

// Each of the 6 orders of 3 equally often: 1000 +- 5 standard deviations of sqrt(6000/6*5/6).
TEST(Shuffled, IsUniform) {
  std::map<std::vector<int64_t>, int> seen;
  for (uint64_t step = 0; step < 6000; ++step) ++seen[shuffled(3, 9, "shuffle", step)];
  EXPECT_EQ(seen.size(), 6u);
  for (const auto& [order, count] : seen) EXPECT_NEAR(count, 1000, 145);
}

}  // namespace
}  // namespace pixelgrad

// From the words of `pixelgrad compare` to runs.
#include "apps/engine/candidates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tensor/check.h"

namespace pixelgrad {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::vector<std::string> names(const CandidateRequest& request) {
  std::vector<std::string> out;
  for (const Candidate& c : make_candidates(request)) out.push_back(c.name);
  return out;
}

std::string refusal(const CandidateRequest& request) {
  try {
    make_candidates(request);
  } catch (const UsageError& e) {
    return e.what();
  }
  return "accepted";
}

CandidateRequest grid(const std::vector<std::string>& axes, int64_t random = 0, uint64_t seed = 0) {
  CandidateRequest out;
  out.common.seed = seed;
  out.grid = axes;
  out.random = random;
  return out;
}

TEST(Candidates, WithoutWordsThereIsTheCommonModel) {
  EXPECT_THAT(names({.common = {}}), ElementsAre("unet"));
}

TEST(Candidates, ModelsHaveTheCommonRecipe) {
  CandidateRequest request{.common = {}, .models = {"conv1x1", "pspnet-resnet50"}};
  request.common.lr = 0.125;
  const std::vector<Candidate> all = make_candidates(request);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "conv1x1");
  EXPECT_EQ(all[1].config.model, "pspnet-resnet50");
  for (const Candidate& c : all) EXPECT_EQ(c.config.lr, 0.125);
}

TEST(Candidates, CommonOptionsGoToTheNetworksThatHaveThem) {
  CandidateRequest request{.common = {}, .models = {"unet", "pspnet-resnet18", "conv1x1"}};
  request.common.model_options = {{"width", "8"}, {"depth", "2"}};
  const std::vector<Candidate> all = make_candidates(request);
  EXPECT_EQ(all[0].config.model_options, (Options{{"width", "8"}, {"depth", "2"}}));
  EXPECT_EQ(all[1].config.model_options, (Options{{"width", "8"}}));
  EXPECT_EQ(all[2].config.model_options, Options());
  request.models = {"conv1x1"};
  EXPECT_THAT(refusal(request), HasSubstr("no network here has the option 'depth'"));
}

TEST(Candidates, ARunHasSettingsOfItsOwn) {
  CandidateRequest request{.common = {}, .models = {"unet"}};
  request.common.lr = 0.125;
  request.common.crop = {8, 8};
  request.runs = {
      "wide: model=unet-resnet18 width=16 decoder_channels=8,8,8,4,4 lr=2e-3 crop=32x64 "
      "nesterov=true batch-size=2 scale=0.5x2 conv_algo=direct "
      "precision=bf16",
      "width=4 weights=a/b.pth"};
  const std::vector<Candidate> all = make_candidates(request);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].config.lr, 0.125);
  const TrainConfig& wide = all[1].config;
  EXPECT_EQ(all[1].name, "wide");
  EXPECT_EQ(wide.model, "unet-resnet18");
  EXPECT_EQ(wide.model_options, (Options{{"width", "16"}, {"decoder_channels", "8,8,8,4,4"}}));
  EXPECT_EQ(wide.lr, 2e-3);
  EXPECT_EQ(wide.crop, (std::vector<int64_t>{32, 64}));
  EXPECT_EQ(wide.scale, (std::vector<double>{0.5, 2}));
  EXPECT_TRUE(wide.nesterov);
  EXPECT_EQ(wide.batch_size, 2);
  EXPECT_EQ(wide.conv_algo, "direct");
  EXPECT_EQ(wide.precision, "bf16");
  EXPECT_EQ(all[2].name, "unet_width=4_weights=a-b.pth") << "usable as a folder";
  EXPECT_EQ(all[2].config.weights, "a/b.pth");
  EXPECT_EQ(all[2].config.lr, 0.125);
}

TEST(Candidates, AGridIsTheProductOfItsValues) {
  const std::vector<Candidate> all = make_candidates(grid({"lr=1e-3,1e-2", "width=4,8,16"}));
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(all[0].name, "unet_lr=1e-3_width=4");
  EXPECT_EQ(all[1].name, "unet_lr=1e-3_width=8");
  EXPECT_EQ(all[5].name, "unet_lr=1e-2_width=16");
  EXPECT_EQ(all[5].config.lr, 1e-2);
  EXPECT_EQ(all[5].config.model_options.at("width"), "16");
  CandidateRequest both = grid({"seed=0,1"});
  both.models = {"unet", "conv1x1"};
  both.runs = {"a: lr=1"};
  EXPECT_THAT(names(both), ElementsAre("unet_seed=0", "unet_seed=1", "conv1x1_seed=0",
                                       "conv1x1_seed=1", "a_seed=0", "a_seed=1"));
}

TEST(Candidates, SemicolonsSeparateValuesWithCommas) {
  CandidateRequest request = grid({"rates=6,12,18;12,24,36"});
  request.models = {"deeplabv3-resnet18"};
  const std::vector<Candidate> all = make_candidates(request);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].config.model_options.at("rates"), "12,24,36");
}

TEST(Candidates, RandomPointsAreDistinctAndFollowTheSeed) {
  const std::vector<std::string> axes{"lr=1,2,3,4,5", "seed=0,1,2,3,4"};
  const auto drawn = names(grid(axes, 10, 1));
  EXPECT_EQ(drawn, names(grid(axes, 10, 1)));
  EXPECT_NE(drawn, names(grid(axes, 10, 2)));
  EXPECT_EQ(std::set<std::string>(drawn.begin(), drawn.end()).size(), 10u);
  // To its end, a random order of the grid is the grid.
  const auto all = names(grid(axes)), every = names(grid(axes, 25));
  EXPECT_EQ(std::set<std::string>(every.begin(), every.end()),
            std::set<std::string>(all.begin(), all.end()));
  CandidateRequest two = grid(axes, 3);
  two.models = {"unet", "conv1x1"};
  const std::vector<Candidate> same = make_candidates(two);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(same[i].config.lr, same[i + 3].config.lr);
    EXPECT_EQ(same[i].config.seed, same[i + 3].config.seed);
  }
}

// Half of a range's logarithm lies below the geometric mean of its ends, where a uniform draw of
// the value itself would have one in eleven.
TEST(Candidates, RangesAreDrawnOnALogarithmicScale) {
  int64_t low = 0;
  const std::vector<Candidate> all = make_candidates(grid({"lr=1e-4..1e-2"}, 400));
  for (const Candidate& c : all) {
    EXPECT_GE(c.config.lr, 1e-4);
    EXPECT_LE(c.config.lr, 1e-2);
    EXPECT_THAT(c.name, StartsWith("unet_lr="));
    EXPECT_EQ(std::stod(c.name.substr(8)), c.config.lr) << "the name says what is trained";
    low += c.config.lr < 1e-3;
  }
  EXPECT_NEAR(static_cast<double>(low), 200, 5 * std::sqrt(400 * 0.25));
  for (const Candidate& c : make_candidates(grid({"width=2..64"}, 30))) {
    const int width = std::stoi(c.config.model_options.at("width"));
    EXPECT_EQ(std::to_string(width), c.config.model_options.at("width"));
    EXPECT_GE(width, 2);
    EXPECT_LE(width, 64);
  }
}

TEST(Candidates, WhatIsWrongIsNamed) {
  const auto run = [](const std::string& text) { return refusal({.common = {}, .runs = {text}}); };
  EXPECT_THAT(refusal({.common = {}, .models = {"vnet"}}),
              AllOf(HasSubstr("vnet"), HasSubstr("conv1x1")));
  EXPECT_THAT(run("a: lr"), HasSubstr("'lr', expected NAME=VALUE"));
  EXPECT_THAT(run("a: widht=8"),
              AllOf(HasSubstr("widht"), HasSubstr("batch_size"), HasSubstr("of unet: width")));
  EXPECT_THAT(run("model=conv1x1 width=8"), HasSubstr("of conv1x1: none"));
  EXPECT_THAT(run("lr=fast"), AllOf(HasSubstr("--lr"), HasSubstr("fast")));
  EXPECT_THAT(run("lr=1 lr=2"), HasSubstr("lr is given twice"));
  EXPECT_THAT(run("a/b: lr=1"), HasSubstr("name 'a/b'"));
  EXPECT_THAT(run("crop=16"), HasSubstr("expected 2 numbers with an x"));
  EXPECT_THAT(run("data=camvid"), HasSubstr("data is the same for all runs"));
  EXPECT_THAT(run("optimizer=lion"), AllOf(HasSubstr("lion"), HasSubstr("adamw")));
  EXPECT_THAT(run("workers=2"), HasSubstr("unknown setting 'workers'"));
  EXPECT_THAT(refusal({.common = {}, .models = {"unet", "unet"}}), HasSubstr("two runs"));
  EXPECT_THAT(refusal(grid({"lr"})), HasSubstr("expected NAME=VALUE"));
  EXPECT_THAT(refusal(grid({"lr=1,,2"})), HasSubstr("empty value"));
  EXPECT_THAT(refusal(grid({"lr=1", "lr=2"})), HasSubstr("lr is given twice"));
  EXPECT_THAT(refusal(grid({"model=unet"})), HasSubstr("--models"));
  EXPECT_THAT(refusal(grid({"lr=1e-3..1e-2"})), HasSubstr("a range needs --random N"));
  EXPECT_THAT(refusal(grid({"lr=1e-2..1e-3"}, 2)), HasSubstr("lower end first"));
  EXPECT_THAT(refusal(grid({"lr=0..1"}, 2)), HasSubstr("'0', expected a number above 0"));
  EXPECT_THAT(refusal(grid({"lr=1,2"}, 3)), HasSubstr("at most the 2 points"));
  EXPECT_THAT(refusal(grid({"seed=1..2"}, 3)), HasSubstr("only 2 different points"));
  EXPECT_THAT(refusal(grid({}, 3)), HasSubstr("expected --grid"));
  CandidateRequest twice = grid({"lr=1,2"});
  twice.runs = {"a: lr=3"};
  EXPECT_THAT(refusal(twice), HasSubstr("gives lr too"));
}

}  // namespace
}  // namespace pixelgrad

#include "data/dataset_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "tensor/parallel.h"
#include "tests/data/memory_dataset.h"

namespace pixelgrad {
namespace {

using pixelgrad::testing::MemoryDataset;
using pixelgrad::testing::plain_sample;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(CheckDataset, CountsByHand) {
  Sample mixed = plain_sample(2, 3, {51, 0, 255}, 0);
  mixed.labels.ids = {0, 0, 1, 255, 1, 1};
  const MemoryDataset data(
      {plain_sample(1, 4, {255, 0, 255}, 0), mixed, plain_sample(1, 4, {9, 9, 9}, 1),
       plain_sample(1, 2, {255, 0, 255}, 255)},
      /*broken=*/2);
  const DatasetReport report = check_dataset(data);
  EXPECT_EQ(report.samples, 4);
  EXPECT_EQ(report.readable, 3);
  EXPECT_EQ(report.smallest, (ImageSize{1, 2}));
  EXPECT_EQ(report.largest, (ImageSize{2, 4}));
  EXPECT_EQ(report.distinct_sizes, 3);
  EXPECT_EQ(report.pixels, 12);
  EXPECT_DOUBLE_EQ(report.ignored_share, 3.0 / 12);
  EXPECT_EQ(report.classes[0].pixels, 6);
  EXPECT_EQ(report.classes[0].images, 2);
  EXPECT_DOUBLE_EQ(report.classes[0].share, 6.0 / 9);
  EXPECT_EQ(report.classes[1].images, 1);
  EXPECT_DOUBLE_EQ(report.classes[1].share, 3.0 / 9);
  // red: 6 pixels of 1 and 6 of 0.2
  EXPECT_NEAR(report.mean[0], 0.6, 1e-12);
  EXPECT_NEAR(report.std[0], 0.4, 1e-12);
  EXPECT_NEAR(report.std[2], 0, 1e-6);
  EXPECT_THAT(report.problems, ElementsAre("sample 2 is broken"));
  EXPECT_THAT(report.warnings,
              ElementsAre("no pixel has a label: sample 3", "class never occurs: 2"));
  const std::string text = report.to_string();
  EXPECT_THAT(text, HasSubstr("4 samples, 3 readable"));
  EXPECT_THAT(text, HasSubstr("sizes 2x1 to 4x2 (3 different)"));
  EXPECT_THAT(text, HasSubstr("problem: sample 2 is broken\n"));
  EXPECT_THAT(text, HasSubstr("33.33 %"));
}

TEST(CheckDataset, CopiesAreFoundWithinAndAcross) {
  const MemoryDataset train({plain_sample(2, 2, {1, 1, 1}, 0), plain_sample(2, 2, {2, 2, 2}, 1),
                             plain_sample(2, 2, {1, 1, 1}, 2)});
  const MemoryDataset val({plain_sample(2, 2, {3, 3, 3}, 0), plain_sample(2, 2, {2, 2, 2}, 1),
                           plain_sample(1, 4, {1, 1, 1}, 1)});
  EXPECT_THAT(check_dataset(train).warnings, ElementsAre("same image: sample 0 and sample 2"));
  EXPECT_THAT(find_shared_images(train, val), ElementsAre("same image: sample 1 and sample 1"));
}

TEST(CheckDataset, ThreadsDoNotChangeTheReport) {
  std::vector<Sample> samples;
  for (uint8_t i = 0; i < 20; ++i) samples.push_back(plain_sample(2, 3, {i, 1, 2}, i % 3));
  const MemoryDataset data(samples, 7);
  const int before = num_threads();
  set_num_threads(1);
  const std::string one = check_dataset(data).to_string();
  set_num_threads(4);
  const std::string four = check_dataset(data).to_string();
  set_num_threads(before);
  EXPECT_EQ(one, four);
}

/// The folder PIXELGRAD_TEST_DATA with nuclei/ and aerial/; skips without it.
class RealData : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("PIXELGRAD_TEST_DATA");
    if (!folder) GTEST_SKIP() << "PIXELGRAD_TEST_DATA names no folder with nuclei/ and aerial/";
    root_ = folder;
  }
  std::filesystem::path root_;
};

TEST_F(RealData, Nuclei) {
  const auto train = open_dataset({.path = root_ / "nuclei"});
  const auto val = open_dataset({.path = root_ / "nuclei", .split = "val"});
  EXPECT_EQ(train->format(), "folder");
  const DatasetReport t = check_dataset(*train), v = check_dataset(*val);
  EXPECT_EQ(t.readable, 200);
  EXPECT_EQ(v.readable, 50);
  for (const DatasetReport* r : {&t, &v}) {
    EXPECT_THAT(r->problems, IsEmpty());
    EXPECT_EQ(r->smallest, (ImageSize{256, 256}));
    EXPECT_EQ(r->largest, (ImageSize{256, 256}));
    EXPECT_EQ(r->ignored_share, 0);
  }
  ASSERT_EQ(t.classes.size(), 2u);
  EXPECT_EQ(t.classes[1].info.name, "nucleus");
  // counted with numpy and Pillow
  EXPECT_NEAR(t.classes[1].share, 0.0660546875, 1e-9);
  EXPECT_NEAR(v.classes[1].share, 0.0979922485, 1e-9);
  EXPECT_THAT(find_shared_images(*train, *val), IsEmpty());
}

TEST_F(RealData, Aerial) {
  const auto train = open_dataset({.path = root_ / "aerial"});
  const auto val = open_dataset({.path = root_ / "aerial", .split = "val"});
  EXPECT_EQ(train->format(), "label_colors");
  const DatasetReport t = check_dataset(*train), v = check_dataset(*val);
  EXPECT_EQ(t.readable, 42);
  EXPECT_EQ(v.readable, 12);
  EXPECT_THAT(t.problems, IsEmpty());
  EXPECT_THAT(v.problems, IsEmpty());
  EXPECT_EQ(t.smallest, (ImageSize{544, 509}));
  EXPECT_EQ(t.largest, (ImageSize{1058, 1126}));
  ASSERT_EQ(t.classes.size(), 6u);
  int64_t scored = 0;
  for (const auto& c : t.classes) {
    scored += c.info.scored;
    EXPECT_EQ(c.pixels > 0, c.info.scored) << c.info.name;
  }
  EXPECT_EQ(scored, 5);
  EXPECT_GT(t.ignored_share, 0);
}

}  // namespace
}  // namespace pixelgrad

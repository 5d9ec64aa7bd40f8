// open_dataset, the cache, and the built-in streets on disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "data/streets.h"
#include "tests/data/dataset_helpers.h"
#include "tests/data/memory_dataset.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

using pixelgrad::testing::MemoryDataset;
using pixelgrad::testing::plain_sample;
using pixelgrad::testing::ScratchFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(OpenDataset, UnknownLayoutSaysWhatWasLookedFor) {
  const ScratchFolder root;
  make_folders(root.path(), {"photos"});
  write_png(root / "photos/1.png", photo(4, 5));  // a plain photo is no pair
  EXPECT_THAT(open_error({.path = root.path()}),
              AllOf(HasSubstr("no known layout; looked for images and masks"),
                    HasSubstr("found the folders photos and 0 images")));
  EXPECT_THAT(open_error({.path = root.path(), .format = "coco"}),
              HasSubstr("format \"coco\", expected auto, folder"));
  EXPECT_THAT(open_error({.path = root.path(), .format = "folder"}),
              HasSubstr("format folder expects {split}/images"));
  EXPECT_THAT(open_error({.path = root.path(), .format = "segnet"}),
              HasSubstr("format segnet expects {split} and {split}annot"));
}

TEST(OpenDataset, StreetsSplitsNeverShareAScene) {
  DatasetOptions options{.path = "streets"};
  options.streets = {.train = 3, .val = 2, .height = 48, .width = 64, .seed = 9};
  const auto train = open_dataset(options);
  options.split = "val";
  const auto val = open_dataset(options);
  options.split = "test";
  const auto test = open_dataset(options);
  EXPECT_EQ(train->size(), 3);
  EXPECT_EQ(val->size(), 2);
  EXPECT_EQ(test->size(), 2);
  const StreetOptions scene{.height = 48, .width = 64, .seed = 9};
  EXPECT_EQ(train->load(2).image, render_street(scene, 2).image);
  EXPECT_EQ(val->load(0).labels, render_street(scene, 3).labels);
  EXPECT_EQ(test->load(1).image, render_street(scene, 6).image);
  EXPECT_EQ(train->classes().size(), 11u);
  options.split = "dev";
  EXPECT_THROW(open_dataset(options), UsageError);
}

// What write_streets writes is read back in each layout, as the scenes that were rendered.
TEST(OpenDataset, ReadsTheStreetsThatWereWritten) {
  const StreetOptions scene{.height = 48, .width = 64, .seed = 2};
  const StreetScene first = render_street(scene, 0), val = render_street(scene, 2);
  for (const char* layout : {"folder", "segnet", "label_colors", "pairs"}) {
    const ScratchFolder scratch;
    const fs::path root = scratch / "streets";
    write_streets(root, scene, 2, 1, streets_layout(layout));
    const auto data = open_dataset({.path = root});
    EXPECT_EQ(data->format(), layout);
    ASSERT_EQ(data->size(), 2) << layout;
    const Sample s = data->load(0);
    const Sample v = open_dataset({.path = root, .split = "val"})->load(0);
    if (std::string_view(layout) != "pairs") {
      EXPECT_EQ(s.image, first.image) << layout;
      EXPECT_EQ(s.labels, first.labels) << layout;
      EXPECT_EQ(v.labels, val.labels) << layout;
    } else {  // JPEG: colours near the true ones
      int64_t same = 0;
      for (size_t i = 0; i < s.labels.ids.size(); ++i)
        same += s.labels.ids[i] == first.labels.ids[i];
      EXPECT_GT(static_cast<double>(same) / static_cast<double>(s.labels.ids.size()), 0.97);
    }
  }
}

TEST(Dataset, CacheReadsEachSampleOnceWithinItsBudget) {
  const Sample sample = plain_sample(10, 10, {1, 2, 3}, 1);  // 400 bytes
  MemoryDataset data({sample, sample, sample});
  data.load(0);
  data.load(0);
  EXPECT_EQ(data.reads, 2);
  data.set_cache(800);
  for (int round = 0; round < 3; ++round)
    for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(data.load(i).image, sample.image);
  EXPECT_EQ(data.reads, 2 + 2 + 3);  // two are kept, the third is read each time
}

TEST(Dataset, ManyThreadsMayLoad) {
  std::vector<Sample> samples;
  for (uint8_t i = 0; i < 8; ++i) samples.push_back(plain_sample(4, 4, {i, i, i}, 1));
  MemoryDataset data(samples);
  data.set_cache(5 * 64);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round)
        for (int64_t i = 0; i < 8; ++i) EXPECT_EQ(data.load(i).image.pixels[0], i);
    });
}

TEST(Dataset, ResizeBringsEverySampleToOneSize) {
  Sample s{Image(4, 4, 3), LabelMap(4, 4), "", "", Image(4, 4, 3)};
  for (int64_t y = 0; y < 4; ++y)
    for (int64_t x = 0; x < 4; ++x) {
      s.image.at(y, x)[0] = x < 2 ? 70 : 0;
      s.target.at(y, x)[2] = x < 2 ? 70 : 0;
      s.labels.at(y, x) = static_cast<uint8_t>(x == 1);
    }
  MemoryDataset data({s});
  data.set_resize({1, 2});
  data.set_cache(100);
  for (int round = 0; round < 2; ++round) {
    const Sample small = data.load(0);
    // The triangle of twice the width gives columns 0, 1, 2 the weights 3/7, 3/7, 1/7.
    EXPECT_EQ(small.image, colors_of_pixels(1, 2, {{60, 0, 0}, {10, 0, 0}}));
    EXPECT_EQ(small.target, colors_of_pixels(1, 2, {{0, 0, 60}, {0, 0, 10}}));
    EXPECT_EQ(small.labels, labels_of(1, 2, {1, 0}));  // columns 1 and 3
  }
  EXPECT_EQ(data.reads, 1);
  data.set_cache(0);
  data.set_resize({8, 8});
  EXPECT_EQ(data.load(0).target.at(7, 0)[2], 70);
  EXPECT_THROW(data.set_resize({0, 8}), UsageError);
  EXPECT_THROW(data.set_resize({8, 100000}), UsageError);
}

TEST(OpenDataset, ResizeIsForFolders) {
  const ScratchFolder root;
  write_folder_split(root.path(), "train", {0, 1, 1, 1});
  const Sample s = open_dataset({.path = root.path(), .resize = ImageSize{6, 4}})->load(0);
  EXPECT_EQ(s.image.height, 6);
  EXPECT_EQ(s.labels, labels_of(6, 4, {0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1,  //
                                       1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
  EXPECT_THAT(open_error({.path = "streets", .resize = ImageSize{6, 4}}),
              HasSubstr("[dataset] resize is for folders"));
}

TEST(Dataset, RefusesWhatIsNotThere) {
  MemoryDataset data({plain_sample(1, 1, {0, 0, 0}, 0)});
  EXPECT_THROW(data.load(1), Error);
  EXPECT_THROW(data.load(-1), Error);
  EXPECT_THROW(data.set_cache(-1), UsageError);
  Sample odd = plain_sample(2, 2, {0, 0, 0}, 0);
  odd.labels = LabelMap(2, 3);
  EXPECT_THROW(MemoryDataset({odd}).load(0), DataError);
}

}  // namespace
}  // namespace pixelgrad

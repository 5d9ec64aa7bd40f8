// Photo and colour label side by side in one file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/file_io.h"
#include "tests/data/dataset_helpers.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

using pixelgrad::testing::file_bytes;
using pixelgrad::testing::put_file;
using pixelgrad::testing::ScratchFolder;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A file with a black photo and this label.
void write_pair(const fs::path& file, const Image& label) {
  Image both(label.height, 2 * label.width, 3);
  for (int64_t y = 0; y < label.height; ++y)
    std::copy_n(label.at(y, 0), 3 * label.width, both.at(y, label.width));
  fs::create_directories(file.parent_path());
  write_png(file, both);
}

TEST(PairsFormat, NearestColourOfCityscapesOrIgnored) {
  const ScratchFolder root;
  make_folders(root.path(), {"cityscapes_data/cityscapes_data/train"});
  // road and car a little off, black, and a green that is near nothing
  const std::vector<Rgb> pixels = {{1, 2, 3}, {4, 5, 6}, {130, 60, 125}, {5, 2, 140},
                                   {7, 8, 9}, {9, 8, 7}, {3, 2, 1},      {0, 255, 0}};
  write_png(root / "cityscapes_data/cityscapes_data/train/1.png", colors_of_pixels(2, 4, pixels));
  const auto data = open_dataset({.path = root.path()});
  EXPECT_EQ(data->format(), "pairs");
  EXPECT_EQ(data->classes().size(), 19u);
  const Sample s = data->load(0);
  EXPECT_EQ(s.image.width, 2);
  EXPECT_THAT(s.image.pixels, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 8, 7));
  EXPECT_EQ(data->classes()[s.labels.ids[0]].name, "road");
  EXPECT_EQ(data->classes()[s.labels.ids[1]].name, "car");
  EXPECT_EQ(s.labels.ids[2], ignore_label);
  EXPECT_EQ(s.labels.ids[3], ignore_label);
}

TEST(PairsFormat, TheFoldersOwnColours) {
  const ScratchFolder root;
  make_folders(root.path(), {"train", "val"});
  write_file(root / "label_colors.txt", std::string_view("200 0 0 wall\n0 200 0 lawn\n"));
  write_png(root / "train/1.png", colors_of_pixels(1, 4, {{}, {}, {190, 9, 9}, {20, 170, 20}}));
  write_png(root / "val/2.png", colors_of_pixels(1, 2, {{}, {0, 0, 0}}));
  const auto data = open_dataset({.path = root.path()});
  EXPECT_EQ(data->format(), "pairs");
  EXPECT_THAT(data->load(0).labels.ids, ElementsAre(0, 1));
  EXPECT_THAT(open_dataset({.path = root.path(), .split = "val"})->load(0).labels.ids,
              ElementsAre(255));
}

TEST(PairsFormat, FoldersBesideTheSplitsAreNotMixedIn) {
  const ScratchFolder root;
  make_folders(root.path(), {"figures", "cityscapes/figures"});
  write_png(root / "figures/0.png", photo(3, 5));  // not what to look for
  for (const char* name : {"cityscapes/figures/0.png", "cityscapes/figures/9.png"})
    write_png(root / name, photo(3, 5));
  write_pair(root / "cityscapes/train/1.png", photo(2, 2));
  write_pair(root / "cityscapes/val/1.png", photo(2, 2));
  write_pair(root / "cityscapes/val/2.png", photo(2, 2));
  for (const fs::path& path : {root.path(), root / "cityscapes"}) {
    const auto all = open_dataset({.path = path, .split = "all"});
    EXPECT_EQ(all->format(), "pairs");
    ASSERT_EQ(all->size(), 3);
    EXPECT_EQ(all->name(0), (root / "cityscapes/train/1.png").string());
    EXPECT_EQ(open_dataset({.path = path})->size(), 1);
    EXPECT_EQ(open_dataset({.path = path, .split = "val"})->size(), 2);
  }
  fs::remove_all(root / "cityscapes/train");
  EXPECT_EQ(open_dataset({.path = root.path(), .split = "val"})->format(), "pairs");
}

TEST(PairsFormat, AnySplitDecides) {
  const ScratchFolder root;
  make_folders(root.path(), {"test"});
  write_png(root / "test/1.png", photo(2, 2));  // photos without labels
  write_pair(root / "val/1.png", photo(2, 2));
  EXPECT_EQ(open_dataset({.path = root.path(), .split = "val"})->format(), "pairs");
}

TEST(PairsFormat, SplitsOfOtherNames) {
  const ScratchFolder root;
  write_pair(root / "train/1.png", photo(2, 2));
  write_pair(root / "extra/1.png", photo(2, 2));
  EXPECT_EQ(open_dataset({.path = root.path(), .split = "all"})->size(), 1);
  EXPECT_EQ(open_dataset({.path = root.path(), .split = "extra"})->size(), 1);
  fs::remove_all(root / "train");
  write_pair(root / "berlin/1.png", photo(2, 2));
  EXPECT_EQ(open_dataset({.path = root.path(), .split = "all"})->size(), 2);
}

TEST(PairsFormat, OddWidthIsRefused) {
  const ScratchFolder root;
  make_folders(root.path(), {"train"});
  write_png(root / "train/1.png", photo(2, 5));
  EXPECT_THAT(open_error({.path = root.path(), .format = "pairs"}),
              HasSubstr("train/1.png is 5x2, expected an even width"));
}

TEST(PairsFormat, ThirtyClassesOfTwentyNineColours) {
  const ScratchFolder root;
  const Rgb pole = {153, 153, 153}, car = {0, 0, 142}, black = {0, 0, 0}, bus = {0, 60, 100},
            train = {0, 80, 100}, caravan = {2, 1, 88}, nothing = {0, 255, 0};
  write_pair(root / "train/1.png",
             colors_of_pixels(1, 7, {pole, car, black, bus, train, caravan, nothing}));
  const auto data = open_dataset({.path = root.path(), .format = "pairs", .labels = "30"});
  EXPECT_EQ(data->classes().size(), 30u);
  // id of labelIds less 4
  EXPECT_THAT(data->load(0).labels.ids, ElementsAre(13, 22, 0, 24, 27, 25, 255));
}

TEST(PairsFormat, ThirtyFourIdsNeedGtFine) {
  const ScratchFolder root;
  write_pair(root / "train/1.png", photo(2, 2));
  EXPECT_EQ(open_error({.path = root.path(), .labels = "34"}),
            "[dataset] labels \"34\" for format pairs, expected 19 or 30: the 34 ids have only 29 "
            "colours (5 are black, pole = polegroup); they need gtFine, format cityscapes");
  EXPECT_EQ(open_error({.path = root.path(), .labels = "11"}),
            "[dataset] labels \"11\" for format pairs, expected 19, 30");
  write_file(root / "label_colors.txt", std::string_view("0 0 0 night\n"));
  EXPECT_THAT(open_error({.path = root.path(), .labels = "30"}), HasSubstr("classes of its own"));
}

TEST(PairsFormat, PruningDropsWhatOnlyBordersShow) {
  const ScratchFolder root;
  const Rgb road = {128, 64, 128}, sky = {70, 130, 180}, person = {220, 20, 60};
  // Between road and sky lies (99, 97, 154), nearest to wall (102, 102, 156), which is not there.
  // 100x100: a colour needs 5 clear pixels. Of person there are 4, of traffic light (250, 170, 30)
  // 5, and 2 more pixels between it and road.
  std::vector<Rgb> pixels(10000, road);
  for (size_t y = 0; y < 100; ++y) {
    for (size_t x = 50; x < 100; ++x) pixels[100 * y + x] = sky;
    if (y < 3) pixels[100 * y + 50] = {101, 96, 153};
  }
  for (const size_t i : {1010u, 1011u, 1110u, 1111u}) pixels[i] = person;
  for (const size_t i : {2010u, 2011u, 2012u, 2013u, 2014u}) pixels[i] = {250, 170, 30};
  pixels[2015] = {225, 148, 50};
  write_pair(root / "train/1.png", colors_of_pixels(100, 100, pixels));
  const auto ids = [&](bool prune) {
    return open_dataset({.path = root.path(), .prune_specks = prune})->load(0).labels;
  };
  const LabelMap plain = ids(false), pruned = ids(true);
  EXPECT_EQ(plain.at(0, 50), 3);      // wall
  EXPECT_EQ(pruned.at(0, 50), 0);     // road, the nearer of the two by (27, 32, 25) to (31, 34, 27)
  EXPECT_EQ(plain.at(10, 10), 11);    // person
  EXPECT_EQ(pruned.at(10, 10), 255);  // farther than 60 from all that is left
  for (const LabelMap& labels : {plain, pruned}) {
    EXPECT_EQ(labels.at(50, 0), 0);
    EXPECT_EQ(labels.at(50, 99), 10);
    EXPECT_EQ(labels.at(20, 10), 6);
    EXPECT_EQ(labels.at(20, 15), 6);  // off by (25, 22, 20), which is within 60
  }
}

TEST(PairsFormat, TheColourLabelAsATarget) {
  const ScratchFolder root;
  const Image label = colors_of_pixels(1, 2, {{128, 60, 120}, {0, 255, 0}});
  write_pair(root / "train/1.png", label);
  const auto data = open_dataset({.path = root.path(), .format = "pairs", .color_targets = true});
  EXPECT_EQ(data->load(0).target, label);
  EXPECT_THAT(data->load(0).labels.ids, ElementsAre(0, 255));
  EXPECT_EQ(open_dataset({.path = root.path(), .format = "pairs"})->load(0).target, Image());
  EXPECT_THAT(open_error({.path = "streets", .color_targets = true}),
              HasSubstr("color_targets (target rgb) is for format pairs"));
}

TEST(PairsFormat, PruningIsForPairsOnly) {
  EXPECT_EQ(open_error({.path = "streets", .prune_specks = true}),
            "[dataset] prune_specks is for format pairs, got streets");
  EXPECT_EQ(open_error({.path = "streets", .label_cache = "x"}),
            "[dataset] label_cache is for format pairs, got streets");
}

class LabelCacheTest : public ::testing::Test {
 protected:
  LabelCacheTest() { write_label({128, 64, 128}); }
  void write_label(Rgb color) {
    write_pair(data_ / "train/1.png", colors_of_pixels(1, 2, {color, color}));
  }
  std::vector<uint8_t> ids(const std::string& labels = "19", bool prune = false) {
    return open_dataset({.path = data_.path(),
                         .format = "pairs",
                         .labels = labels,
                         .prune_specks = prune,
                         .label_cache = cache_ / "deep/er"})
        ->load(0)
        .labels.ids;
  }
  fs::path entry() const { return cache_ / "deep/er/train/1.png.ids"; }

  ScratchFolder data_, cache_;
};

TEST_F(LabelCacheTest, AnswersForTheSameFileAndOptionsOnly) {
  EXPECT_THAT(ids(), Each(0));
  const std::string first = file_bytes(entry());
  ASSERT_FALSE(first.empty());
  EXPECT_THAT(ids(), Each(0));
  EXPECT_EQ(file_bytes(entry()), first);
  EXPECT_THAT(ids("30"), Each(3));
  EXPECT_NE(file_bytes(entry()), first);
  EXPECT_THAT(ids("19"), Each(0));
  EXPECT_EQ(file_bytes(entry()), first);
  EXPECT_THAT(ids("19", true), Each(0));
  EXPECT_NE(file_bytes(entry()), first);  // pruning may give other ids
  const auto time = fs::last_write_time(data_ / "train/1.png");
  write_label({70, 130, 180});
  fs::last_write_time(data_ / "train/1.png", time);  // what the file says counts, not its date
  EXPECT_THAT(ids(), Each(10));
}

TEST_F(LabelCacheTest, IsReallyRead) {
  ids();
  // An entry whose ids are others, with the right hash of them, can only come from the cache.
  const std::string road = file_bytes(entry());
  write_label({70, 130, 180});
  ids();
  const std::string sky = file_bytes(entry());
  ASSERT_EQ(sky.size(), road.size());
  const std::string key_of_sky = sky.substr(8, 8);
  std::string forged = road;
  forged.replace(8, 8, key_of_sky);
  put_file(entry(), forged);
  EXPECT_THAT(ids(), Each(0));
}

TEST_F(LabelCacheTest, DamagedEntriesAreMadeAgain) {
  ids();
  const std::string whole = file_bytes(entry());
  for (const size_t at : {size_t{0}, size_t{9}, size_t{16}, size_t{30}, whole.size() - 1}) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    put_file(entry(), damaged);
    EXPECT_THAT(ids(), Each(0)) << at;
    EXPECT_EQ(file_bytes(entry()), whole) << at;
  }
  for (const size_t length : {size_t{0}, size_t{17}, whole.size() - 1}) {
    put_file(entry(), whole.substr(0, length));
    EXPECT_THAT(ids(), Each(0)) << length;
  }
}

TEST_F(LabelCacheTest, AFolderThatCannotBeMadeIsNamed) {
  put_file(cache_ / "deep", "a file");
  EXPECT_THAT(
      open_error({.path = data_.path(), .format = "pairs", .label_cache = cache_ / "deep/er"}),
      HasSubstr("[dataset] label cache " + (cache_ / "deep/er").string()));
}

}  // namespace
}  // namespace pixelgrad

// Data sets whose masks are colours, label_colors.txt and CamVid; SegNet's CamVid.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/file_io.h"
#include "tests/data/dataset_helpers.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

using pixelgrad::testing::ScratchFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view color_table = "10 20 30\tgrass\n40 50 60\t\tlake\n0 0 0 Void\n";

TEST(LabelColorsFormat, RgbAndPaletteMasksMeanTheSameByColour) {
  const ScratchFolder root;
  make_folders(root.path(), {"train/images", "train/masks"});
  write_file(root / "label_colors.txt", color_table);
  for (const char* name : {"train/images/a.png", "train/images/b.png"})
    write_png(root / name, photo(2, 2));
  const Rgb grass = {10, 20, 30}, lake = {40, 50, 60}, black = {0, 0, 0};
  write_png(root / "train/masks/a.png", colors_of_pixels(2, 2, {grass, lake, black, lake}));
  // the palette's order is not that of the classes
  write_palette_png(root / "train/masks/b.png", labels_of(2, 2, {1, 0, 255, 0}),
                    std::vector<Rgb>{lake, grass});
  const auto data = open_dataset({.path = root.path()});
  EXPECT_EQ(data->format(), "label_colors");
  EXPECT_THAT(names_of(data->classes()), ElementsAre("grass", "lake", "Void"));
  EXPECT_FALSE(data->classes()[2].scored);
  EXPECT_THAT(data->load(0).labels.ids, ElementsAre(0, 1, 255, 1));
  EXPECT_EQ(data->load(1).labels, data->load(0).labels);
}

TEST(LabelColorsFormat, BlackIsIgnoredUnlessItIsAClass) {
  const ScratchFolder root;
  write_png(root / "a.png", photo(1, 2));
  write_png(root / "a_L.png", colors_of_pixels(1, 2, {{0, 0, 0}, {1, 1, 1}}));
  write_file(root / "label_colors.txt", std::string_view("1 1 1 thing\n"));
  EXPECT_THAT(open_dataset({.path = root.path(), .split = "all"})->load(0).labels.ids,
              ElementsAre(255, 0));
  write_file(root / "label_colors.txt", std::string_view("1 1 1 thing\n0 0 0 night\n"));
  EXPECT_THAT(open_dataset({.path = root.path(), .split = "all"})->load(0).labels.ids,
              ElementsAre(1, 0));
}

TEST(LabelColorsFormat, CamSeqFilesLieFlatAndHaveTheCamVidClasses) {
  const ScratchFolder root;
  const Rgb building = {128, 0, 0}, road = {128, 64, 128}, nothing = {0, 0, 0};
  for (const int frame : {7959, 7961, 7963, 7965, 7967}) {
    const std::string name = "0016E5_0" + std::to_string(frame);
    write_png(root / (name + ".png"), photo(1, 3));
    write_png(root / (name + "_L.png"), colors_of_pixels(1, 3, {building, road, nothing}));
  }
  const auto data = open_dataset({.path = root.path()});
  EXPECT_EQ(data->size(), 4);
  EXPECT_EQ(data->classes().size(), 32u);
  const auto ids = data->load(0).labels.ids;
  EXPECT_EQ(data->classes()[ids[0]].name, "Building");
  EXPECT_EQ(data->classes()[ids[1]].name, "Road");
  EXPECT_EQ(ids[2], ignore_label);  // Void
  const auto val = open_dataset({.path = root.path(), .split = "val", .format = "camvid"});
  ASSERT_EQ(val->size(), 1);
  EXPECT_THAT(val->name(0), HasSubstr("0016E5_07967.png"));
}

TEST(LabelColorsFormat, UnknownColoursAreNamed) {
  const ScratchFolder root;
  make_folders(root.path(), {"images", "masks"});
  write_file(root / "label_colors.txt", color_table);
  for (const char* name : {"a", "b"}) {
    write_png(root / ("images/" + std::string(name) + ".png"), photo(1, 3));
    write_png(root / ("masks/" + std::string(name) + ".png"),
              colors_of_pixels(1, 3, {{10, 20, 30}, {1, 2, 3}, {3, 2, 1}}));
  }
  EXPECT_EQ(load_error({.path = root.path()}),
            "[dataset] " + (root / "masks/a.png").string() +
                ": pixel (x=1, y=0) has colour 1 2 3, expected one of the 3 class colours or black "
                "(ignored); 2 pixels of this mask have no class");
}

TEST(LabelColorsFormat, NeedsItsTable) {
  const ScratchFolder root;
  write_folder_split(root.path(), "train", {0, 0, 0, 0});
  EXPECT_THAT(open_error({.path = root.path(), .format = "label_colors"}),
              HasSubstr("label_colors.txt is missing, expected lines R G B name"));
}

TEST(SegnetFormat, UnlabelledIsIgnoredAndTwelveIsAnError) {
  const ScratchFolder root;
  make_folders(root.path(), {"train", "trainannot", "val", "valannot"});
  write_png(root / "train/a.png", photo(1, 4));
  write_label_png(root / "trainannot/a.png", labels_of(1, 4, {0, 10, 11, 255}));
  write_png(root / "val/b.png", photo(1, 2));
  write_label_png(root / "valannot/b.png", labels_of(1, 2, {3, 12}));
  const auto train = open_dataset({.path = root.path()});
  EXPECT_EQ(train->format(), "segnet");
  EXPECT_EQ(train->classes().size(), 11u);
  EXPECT_EQ(train->classes()[10].name, "Bicyclist");
  EXPECT_THAT(train->load(0).labels.ids, ElementsAre(0, 10, 255, 255));
  EXPECT_THAT(load_error({.path = root.path(), .split = "val", .format = "camvid"}),
              HasSubstr("pixel (x=1, y=0) has id 12, expected 0 to 10, 11 (unlabelled) or 255"));
  EXPECT_THAT(open_error({.path = root.path(), .split = "test"}),
              HasSubstr("has no split \"test\", found train, val"));
}

TEST(CamVidFormat, ThirtyTwoClassesOrElevenGroups) {
  const ScratchFolder root;
  const Rgb bridge = {0, 128, 64}, cone = {0, 0, 64}, tram = {192, 64, 128}, nothing = {0, 0, 0};
  for (const int frame : {7959, 7961}) {
    const std::string name = "0016E5_0" + std::to_string(frame);
    write_png(root / (name + ".png"), photo(1, 4));
    write_png(root / (name + "_L.png"), colors_of_pixels(1, 4, {bridge, cone, tram, nothing}));
  }
  const auto names = [&](const std::string& labels) {
    const auto data = open_dataset({.path = root.path(), .labels = labels});
    std::vector<std::string> found;
    for (const uint8_t id : data->load(0).labels.ids)
      found.push_back(id == ignore_label ? "" : data->classes()[id].name);
    return found;
  };
  EXPECT_THAT(names(""), ElementsAre("Bridge", "TrafficCone", "Train", ""));
  EXPECT_THAT(names("32"), ElementsAre("Bridge", "TrafficCone", "Train", ""));
  EXPECT_THAT(names("11"), ElementsAre("Building", "Pole", "Car", ""));
  // A table of the same colours under other names gives way only to a set that is asked for.
  write_file(root / "label_colors.txt",
             std::string_view("0 128 64 a\n0 0 64 b\n192 64 128 c\n0 0 0 Void\n"));
  EXPECT_THAT(names(""), ElementsAre("a", "b", "c", ""));
  EXPECT_THAT(names("11"), ElementsAre("Building", "Pole", "Car", ""));
  EXPECT_EQ(open_error({.path = root.path(), .labels = "19"}),
            "[dataset] labels \"19\" for format label_colors, expected 32, 11");
}

TEST(CamVidFormat, TheFoldersOfItsCopies) {
  const Rgb road = {128, 64, 128}, car = {64, 0, 128};
  const Image mask = colors_of_pixels(1, 2, {road, car});
  {
    const ScratchFolder root;  // {split} and {split}_labels
    make_folders(root.path(), {"train", "train_labels", "val", "val_labels"});
    for (const std::string split : {"train", "val"}) {
      write_png(root / (split + "/0001TP_006690.png"), photo(1, 2));
      write_png(root / (split + "_labels/0001TP_006690_L.png"), mask);
    }
    const auto data = open_dataset({.path = root.path(), .split = "val", .labels = "11"});
    EXPECT_EQ(data->format(), "label_colors");
    EXPECT_THAT(data->load(0).labels.ids, ElementsAre(3, 8));
  }
  {
    const ScratchFolder root;  // the original's
    make_folders(root.path(), {"701_StillsRaw_full", "LabeledApproved_full"});
    write_png(root / "701_StillsRaw_full/a.png", photo(1, 2));
    write_png(root / "LabeledApproved_full/a_L.png", mask);
    const auto data = open_dataset({.path = root.path(), .split = "all"});
    EXPECT_EQ(data->format(), "label_colors");
    EXPECT_THAT(data->load(0).labels.ids, ElementsAre(17, 5));
  }
  {
    const ScratchFolder root;  // X_L.png in a folder of its own
    make_folders(root.path(), {"train/image", "train/mask"});
    write_png(root / "train/image/a.png", photo(1, 2));
    write_png(root / "train/mask/a_L.png", mask);
    const auto data = open_dataset({.path = root.path(), .format = "label_colors", .labels = "32"});
    EXPECT_THAT(data->load(0).labels.ids, ElementsAre(17, 5));
  }
}

}  // namespace
}  // namespace pixelgrad

// Data sets whose masks are colours: label_colors.txt, SegNet's CamVid, side-by-side pairs.
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

TEST(PairsFormat, OddWidthIsRefused) {
  const ScratchFolder root;
  make_folders(root.path(), {"train"});
  write_png(root / "train/1.png", photo(2, 5));
  EXPECT_THAT(open_error({.path = root.path(), .format = "pairs"}),
              HasSubstr("train/1.png is 5x2, expected an even width"));
}

}  // namespace
}  // namespace pixelgrad

// Data sets of images/ and masks/ with ids.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "data/file_io.h"
#include "tests/data/dataset_helpers.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

using pixelgrad::testing::ScratchFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(FolderFormat, ReadsPhotosIdsAndNames) {
  const ScratchFolder root;
  write_folder_split(root.path(), "train", {0, 1, 255, 1});
  write_folder_split(root.path(), "val", {0, 0, 0, 0});
  write_file(root / "classes.txt", std::string_view("# two\r\nbackground\r\n\r\nnucleus\r\n"));
  const auto data = open_dataset({.path = root.path()});
  EXPECT_EQ(data->format(), "folder");
  EXPECT_EQ(data->size(), 1);
  EXPECT_THAT(names_of(data->classes()), ElementsAre("background", "nucleus"));
  const Sample s = data->load(0);
  EXPECT_THAT(s.labels.ids, ElementsAre(0, 1, 255, 1));
  EXPECT_EQ(s.image.height, 2);
  EXPECT_EQ(s.image_file, (root.path() / "train" / "images" / "a.png").string());
  EXPECT_EQ(s.label_file, (root.path() / "train" / "masks" / "a.png").string());
  EXPECT_EQ(data->name(0), s.image_file);
  EXPECT_EQ(open_dataset({.path = root.path(), .split = "val"})->load(0).labels.ids[1], 0);
  EXPECT_EQ(open_dataset({.path = root.path(), .split = "all"})->size(), 2);
}

TEST(FolderFormat, PaletteIndicesAreIds) {
  const ScratchFolder root;
  write_folder_split(root.path(), "train", {0, 0, 0, 0});
  const std::vector<Rgb> colors = {{9, 9, 9}, {8, 8, 8}, {7, 7, 7}};
  write_palette_png(root.path() / "train" / "masks" / "a.png", labels_of(2, 2, {2, 1, 0, 2}),
                    colors);
  EXPECT_THAT(open_dataset({.path = root.path()})->load(0).labels.ids, ElementsAre(2, 1, 0, 2));
}

TEST(FolderFormat, MatchesStemsAndMaskSuffixAndOtherExtensions) {
  const ScratchFolder root;
  make_folders(root.path(), {"train/image", "train/mask"});
  write_jpeg(root.path() / "train" / "image" / "b.jpg", photo(2, 2));
  write_png(root.path() / "train" / "image" / "a.png", photo(2, 2));
  write_label_png(root.path() / "train" / "mask" / "a.png", labels_of(2, 2, {0, 0, 0, 1}));
  write_label_png(root.path() / "train" / "mask" / "b_mask.png", labels_of(2, 2, {1, 0, 0, 0}));
  write_label_png(root.path() / "train" / "mask" / "extra.png", labels_of(2, 2, {1, 0, 0, 0}));
  std::ofstream(root.path() / "train" / "image" / ".hidden.png") << "not an image";
  std::ofstream(root.path() / "train" / "image" / "notes.txt") << "not an image";
  const auto data = open_dataset({.path = root.path()});
  ASSERT_EQ(data->size(), 2);
  EXPECT_EQ(data->load(0).labels.ids[3], 1);
  EXPECT_EQ(data->load(1).labels.ids[0], 1);
  ASSERT_EQ(data->warnings().size(), 1u);
  EXPECT_THAT(data->warnings()[0],
              AllOf(StartsWith("mask without image: "), HasSubstr("extra.png")));
}

// The largest id is looked for in all splits: train alone would find one class less than val.
TEST(FolderFormat, WithoutNamesClassesAreCountedOverAllSplits) {
  const ScratchFolder root;
  write_folder_split(root.path(), "train", {0, 1, 255, 1});
  write_folder_split(root.path(), "val", {0, 0, 2, 0});
  EXPECT_THAT(names_of(open_dataset({.path = root.path()})->classes()), ElementsAre("0", "1", "2"));
}

TEST(FolderFormat, ClassesMayBeGivenOrComeWithColours) {
  const ScratchFolder root;
  write_folder_split(root.path(), "train", {0, 1, 255, 1});
  write_file(root / "label_colors.txt", std::string_view("10 20 30\tgrass\n40 50 60\tlake\n"));
  const auto data = open_dataset({.path = root.path(), .format = "folder"});
  EXPECT_THAT(names_of(data->classes()), ElementsAre("grass", "lake"));
  EXPECT_EQ(data->classes()[1].color, (Rgb{40, 50, 60}));
  const auto given =
      open_dataset({.path = root.path(), .format = "folder", .classes = default_classes(5)});
  EXPECT_EQ(given->classes().size(), 5u);
}

TEST(FolderFormat, VoidClassesKeepTheirPlaceAndAreIgnored) {
  const ScratchFolder root;
  write_folder_split(root.path(), "train", {0, 1, 2, 255});
  write_file(root / "classes.txt", std::string_view("grass\nVoid\nlake\n"));
  const auto data = open_dataset({.path = root.path()});
  EXPECT_FALSE(data->classes()[1].scored);
  EXPECT_THAT(data->load(0).labels.ids, ElementsAre(0, 255, 2, 255));
}

TEST(FolderFormat, WithoutSplitsTheRuleDividesInNaturalOrder) {
  const ScratchFolder root;
  make_folders(root.path(), {"images", "masks"});
  for (int i = 1; i <= 10; ++i) {
    const std::string file = std::to_string(i) + ".png";
    write_png(root.path() / "images" / file, photo(1, 1, static_cast<uint8_t>(i)));
    write_label_png(root.path() / "masks" / file, labels_of(1, 1, {static_cast<uint8_t>(i % 2)}));
  }
  const auto train = open_dataset({.path = root.path()});
  const auto val = open_dataset({.path = root.path(), .split = "val"});
  ASSERT_EQ(train->size(), 8);
  ASSERT_EQ(val->size(), 2);
  EXPECT_EQ(train->load(1).image.pixels[0], 2);  // "2.png" comes before "10.png"
  EXPECT_EQ(val->load(0).image.pixels[0], 9);
  EXPECT_EQ(val->load(1).image.pixels[0], 10);
  EXPECT_EQ(open_dataset({.path = root.path(), .split_rule = "random:50%:3"})->size(), 5);
}

TEST(FolderFormat, StructuralMistakesAreFoundOnOpening) {
  const ScratchFolder root;
  EXPECT_EQ(open_error({.path = root / "nowhere"}),
            "[dataset] " + (root / "nowhere").string() + ": no such folder");

  make_folders(root.path(), {"train/images", "train/masks"});
  EXPECT_EQ(open_error({.path = root.path()}), "[dataset] " + (root / "train/images").string() +
                                                   ": no images, expected PNG or JPEG files");

  write_png(root / "train/images/a.png", photo(2, 2));
  EXPECT_THAT(open_error({.path = root.path()}),
              AllOf(StartsWith("[dataset] image without mask: "), HasSubstr("images/a.png")));

  write_label_png(root / "train/masks/a.png", labels_of(1, 3, {0, 0, 0}));
  EXPECT_THAT(open_error({.path = root.path(), .classes = default_classes(2)}),
              AllOf(StartsWith("[dataset] sizes differ: "),
                    HasSubstr("masks/a.png is 3x1, its image a.png is 2x2")));

  fs::remove(root / "train/masks/a.png");
  write_jpeg(root / "train/masks/a.jpg", photo(2, 2));
  EXPECT_THAT(open_error({.path = root.path()}),
              HasSubstr("masks/a.jpg: a mask must be PNG, for JPEG changes ids and colours"));

  EXPECT_EQ(open_error({.path = root.path(), .split = "test"}).substr(0, 9), "[dataset]");
  EXPECT_THAT(open_error({.path = root.path(), .split = "test", .classes = default_classes(2)}),
              HasSubstr("has no split \"test\", found train"));
}

TEST(FolderFormat, TwoImagesOfOneStemAreRefused) {
  const ScratchFolder root;
  write_folder_split(root.path(), "train", {0, 0, 1, 0});
  write_jpeg(root / "train/images/a.jpg", photo(2, 2));
  EXPECT_THAT(open_error({.path = root.path()}), HasSubstr("a second image named like a."));
}

TEST(FolderFormat, BrokenHeadersAreFoundOnOpening) {
  const ScratchFolder root;
  write_folder_split(root.path(), "train", {0, 0, 1, 0});
  write_file(root / "train/images/a.png", std::string_view("not a picture"));
  EXPECT_THAT(open_error({.path = root.path()}), HasSubstr("images/a.png"));
}

TEST(FolderFormat, MasksOf0And255AreNotClasses) {
  const ScratchFolder root;
  write_folder_split(root.path(), "train", {0, 255, 0, 255});
  EXPECT_THAT(open_error({.path = root.path()}),
              HasSubstr("the masks hold no id but 0 and 255 (255 is ignored)"));
}

TEST(FolderFormat, BadPixelsAreNamedOnLoading) {
  const ScratchFolder root;
  write_folder_split(root.path(), "train", {0, 1, 7, 7});
  write_file(root / "classes.txt", std::string_view("background\nnucleus\n"));
  const std::string mask = (root / "train/masks/a.png").string();
  EXPECT_EQ(load_error({.path = root.path()}),
            "[dataset] " + mask +
                ": pixel (x=0, y=1) has id 7, expected 0 to 1 or 255 (ignored); 2 pixels of this "
                "mask have no class");

  write_png(mask, photo(2, 2));
  EXPECT_EQ(load_error({.path = root.path()}),
            "[dataset] mask " + mask +
                " is RGB; expected class ids (gray levels or palette indices); if its colours name "
                "classes, put a label_colors.txt (lines R G B name) into the root folder");

  write_label_png(mask, labels_of(2, 2, {0, 1, 0, 1}));
  fs::resize_file(mask, fs::file_size(mask) - 20);
  EXPECT_THAT(load_error({.path = root.path()}), HasSubstr(mask));
}

TEST(FolderFormat, BadClassFilesAreRefused) {
  const ScratchFolder root;
  write_folder_split(root.path(), "train", {0, 1, 0, 0});
  write_file(root / "classes.txt", std::string_view("a\nb\na\n"));
  EXPECT_THAT(open_error({.path = root.path()}), HasSubstr("classes.txt: class a comes twice"));
  write_file(root / "classes.txt", std::string_view("\n\n"));
  EXPECT_THAT(open_error({.path = root.path()}),
              HasSubstr("classes.txt: 0 classes, expected 1 to 255"));
  std::string many;
  for (int i = 0; i < 256; ++i) many += "class" + std::to_string(i) + "\n";
  write_file(root / "classes.txt", std::string_view(many));
  EXPECT_THAT(open_error({.path = root.path()}), HasSubstr("256 classes, expected 1 to 255"));
}

}  // namespace
}  // namespace pixelgrad

#include "data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "data/class_tables.h"
#include "data/file_io.h"
#include "data/image_io.h"
#include "data/label_png.h"
#include "data/streets.h"
#include "tensor/check.h"
#include "tests/data/memory_dataset.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

namespace fs = std::filesystem;
using pixelgrad::testing::MemoryDataset;
using pixelgrad::testing::plain_sample;
using pixelgrad::testing::ScratchFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Image photo(int64_t height, int64_t width, uint8_t red = 0) {
  Image image(height, width, 3);
  for (size_t i = 0; i < image.pixels.size(); i += 3) image.pixels[i] = red;
  return image;
}

LabelMap labels_of(int64_t height, int64_t width, std::vector<uint8_t> ids) {
  LabelMap labels(height, width);
  labels.ids = std::move(ids);
  return labels;
}

Image colors_of_pixels(int64_t height, int64_t width, const std::vector<Rgb>& colors) {
  Image image(height, width, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = colors[i / 3][i % 3];
  return image;
}

void make_folders(const fs::path& root, std::initializer_list<const char*> names) {
  for (const char* name : names) fs::create_directories(root / name);
}

/// {split}/images and masks with one 2x2 sample "a" whose ids are given.
void write_folder_split(const fs::path& root, const std::string& split, std::vector<uint8_t> ids) {
  fs::create_directories(root / split / "images");
  fs::create_directories(root / split / "masks");
  write_png(root / split / "images" / "a.png", photo(2, 2));
  write_label_png(root / split / "masks" / "a.png", labels_of(2, 2, std::move(ids)));
}

std::vector<std::string> names_of(const std::vector<ClassInfo>& classes) {
  std::vector<std::string> names;
  for (const ClassInfo& c : classes) names.push_back(c.name);
  return names;
}

/// The message of the error that opening, or else loading all samples, throws.
std::string open_error(const DatasetOptions& options) {
  try {
    open_dataset(options);
  } catch (const Error& e) {
    return e.what();
  }
  return "opened";
}
std::string load_error(const DatasetOptions& options) {
  const auto data = open_dataset(options);
  try {
    for (int64_t i = 0; i < data->size(); ++i) data->load(i);
  } catch (const DataError& e) {
    return e.what();
  }
  return "loaded";
}

// ---------------------------------------------------------------------------------------- folder

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

// ---------------------------------------------------------------------------------- label_colors

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

// ---------------------------------------------------------------------------------------- segnet

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

// ----------------------------------------------------------------------------------------- pairs

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

// ------------------------------------------------------------------------------------ auto, rest

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

// The street renderer: what its pictures must have, and what it writes. No picture is compared with
// one that it drew before.
#include "data/streets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>

#include "data/file_io.h"
#include "data/image_io.h"
#include "data/label_png.h"
#include "data/streets_scene.h"
#include "tensor/check.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using testing::ScratchFolder;

constexpr int64_t classes = 11;

std::array<int64_t, classes> histogram(const LabelMap& labels) {
  std::array<int64_t, classes> counts{};
  for (uint8_t id : labels.ids) ++counts.at(id);  // throws on an id out of range
  return counts;
}

TEST(Streets, ClassesAreTheElevenOfCamvid) {
  const std::vector<ClassInfo> list = street_classes();
  std::vector<std::string> names;
  for (const ClassInfo& c : list) names.push_back(c.name);
  EXPECT_THAT(names, ElementsAreArray({"Sky", "Building", "Pole", "Road", "Pavement", "Tree",
                                       "SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist"}));
  EXPECT_EQ(list[3].color, (Rgb{128, 64, 128}));
}

TEST(Streets, EqualKeysGiveEqualPicturesAndOthersDoNot) {
  const StreetOptions options{.height = 48, .width = 64, .seed = 7};
  const StreetScene scene = render_street(options, 3);
  const StreetScene again = render_street(options, 3);
  EXPECT_EQ(scene.image, again.image);
  EXPECT_EQ(scene.labels, again.labels);
  EXPECT_NE(scene.image, render_street(options, 4).image);
  EXPECT_NE(scene.labels, render_street(options, 4).labels);
  EXPECT_NE(scene.labels, render_street({.height = 48, .width = 64, .seed = 8}, 3).labels);
}

TEST(Streets, AnySizeFromThirtyTwo) {
  for (const auto& [h, w] :
       {std::pair<int64_t, int64_t>{32, 32}, {33, 200}, {200, 33}, {97, 131}}) {
    const StreetScene scene = render_street({.height = h, .width = w, .seed = 1}, 0);
    EXPECT_EQ(scene.image.height, h);
    EXPECT_EQ(scene.image.width, w);
    EXPECT_EQ(scene.image.channels, 3);
    EXPECT_EQ(scene.image.pixels.size(), static_cast<size_t>(h * w * 3));
    EXPECT_EQ(scene.labels.height, h);
    EXPECT_EQ(scene.labels.width, w);
    histogram(scene.labels);
  }
  EXPECT_THROW(render_street({.height = 31, .width = 64}, 0), UsageError);
  EXPECT_THROW(render_street({.height = 64, .width = 9000}, 0), UsageError);
  EXPECT_THROW(render_street({}, -1), UsageError);
}

TEST(Streets, EveryClassIsInMostPictures) {
  constexpr int64_t scenes = 60;
  std::array<int64_t, classes> pictures{}, pixels{};
  for (int64_t i = 0; i < scenes; ++i) {
    const auto counts = histogram(render_street({.height = 96, .width = 128, .seed = 2}, i).labels);
    for (size_t c = 0; c < classes; ++c) {
      pictures[c] += counts[c] >= 8;
      pixels[c] += counts[c];
    }
  }
  for (size_t c = 0; c < classes; ++c) {
    EXPECT_GE(pictures[c], scenes * 3 / 4) << street_classes()[c].name;
    EXPECT_GE(static_cast<double>(pixels[c]), 0.004 * scenes * 96 * 128)
        << street_classes()[c].name;
  }
}

TEST(Streets, SkyIsAboveAndRoadBelow) {
  for (int64_t i = 0; i < 20; ++i) {
    const LabelMap labels = render_street({.height = 96, .width = 96, .seed = 4}, i).labels;
    int64_t lowest_sky = 0, highest_road = 95;
    for (int64_t y = 0; y < 96; ++y) {
      for (int64_t x = 0; x < 96; ++x) {
        if (labels.at(y, x) == streets::sky) lowest_sky = std::max(lowest_sky, y);
        if (labels.at(y, x) == streets::road) highest_road = std::min(highest_road, y);
      }
    }
    EXPECT_LT(lowest_sky, highest_road) << "scene " << i;
    EXPECT_LT(highest_road, 70) << "scene " << i;
  }
}

TEST(Streets, RoadNarrowsTowardsTheVanishingPoint) {
  // Seen by a pinhole camera, the width of a flat straight road is proportional to the distance
  // below the horizon.
  for (int64_t i = 0; i < 20; ++i) {
    streets::Scene scene = streets::plan_scene(128, 256, 5, i);
    streets::Canvas canvas(128, 256);
    draw_surroundings(scene, canvas);
    const auto width_at = [&](int64_t y) {
      int64_t count = 0;
      for (int64_t x = 0; x < 256; ++x) count += canvas.labels.at(y, x) == streets::road;
      return static_cast<double>(count);
    };
    const double kerbs = scene.sides[1].kerb - scene.sides[0].kerb;
    for (int64_t below : {12, 20}) {
      const auto y = static_cast<int64_t>(scene.camera.y0) + below;
      const double depth = (static_cast<double>(y) + 0.5 - scene.camera.y0) / scene.camera.height;
      EXPECT_NEAR(width_at(y), kerbs * depth, 2.0) << "scene " << i;
    }
  }
}

TEST(Streets, NearThingsHideFarOnes) {
  const streets::Scene scene = streets::plan_scene(128, 128, 6, 0);
  const auto draw_two = [&](bool near_first) {
    streets::Canvas canvas(128, 128);
    const streets::Thing near{streets::Thing::Kind::pedestrian, 0, 6, 1, 1};
    const streets::Thing far{streets::Thing::Kind::car, 0, 8, 1, 2};
    if (near_first) draw_pedestrian(scene, near, canvas);
    draw_car(scene, far, canvas);
    if (!near_first) draw_pedestrian(scene, near, canvas);
    return canvas.labels;
  };
  const LabelMap labels = draw_two(false);
  EXPECT_EQ(labels, draw_two(true));
  EXPECT_GT(std::count(labels.ids.begin(), labels.ids.end(), streets::pedestrian), 50);
  EXPECT_GT(std::count(labels.ids.begin(), labels.ids.end(), streets::car), 200);
}

TEST(StreetsCanvas, LabelsChangeWhereHalfAPixelIsCovered) {
  streets::Canvas canvas(3, 4);
  // Covers column 1 by 0.6 and column 2 by 0.4.
  canvas.polygon({{1.4f, -5}, {2.4f, -5}, {2.4f, 9}, {1.4f, 9}}, {{1, 1, 1}, 7, 5, 1});
  EXPECT_EQ(canvas.labels.at(1, 0), 0);
  EXPECT_EQ(canvas.labels.at(1, 1), 7);
  EXPECT_EQ(canvas.labels.at(1, 2), 0);
  EXPECT_NEAR(canvas.colors[5].r, 0.6, 1e-5);
  EXPECT_NEAR(canvas.colors[6].r, 0.4, 1e-5);
  EXPECT_EQ(canvas.colors[7].r, 0);
  // Farther away than what stands in column 1: hidden there, seen beside it.
  canvas.polygon({{0, -5}, {4, -5}, {4, 9}, {0, 9}}, {{0, 1, 0}, 9, 6, 1});
  EXPECT_EQ(canvas.labels.at(1, 1), 7);
  EXPECT_EQ(canvas.labels.at(1, 3), 9);
}

// ---- Files -----------------------------------------------------------------------------------

constexpr StreetOptions small = {.height = 40, .width = 56, .seed = 11};

int64_t files_in(const std::filesystem::path& folder) {
  const std::filesystem::directory_iterator files(folder);
  return std::distance(begin(files), end(files));
}

std::string text_of(const std::filesystem::path& path) {
  const auto bytes = read_file(path, 1 << 16);
  return {bytes.begin(), bytes.end()};
}

TEST(WriteStreets, FolderLayout) {
  ScratchFolder scratch;
  const auto root = scratch / "streets/";
  write_streets(root, small, 3, 2, StreetsLayout::folder);
  EXPECT_EQ(files_in(root / "train/images"), 3);
  EXPECT_EQ(files_in(root / "train/masks"), 3);
  EXPECT_EQ(files_in(root / "val/images"), 2);
  const StreetScene fourth = render_street(small, 3);  // val follows train
  EXPECT_EQ(read_image(root / "val/images/000000.png"), fourth.image);
  EXPECT_THAT(read_mask(root / "val/masks/000000.png").values, ElementsAreArray(fourth.labels.ids));
  EXPECT_THAT(text_of(root / "classes.txt"), ::testing::StartsWith("Sky\nBuilding\nPole\n"));
  EXPECT_EQ(files_in(scratch.path()), 1) << "a temporary folder was left behind";
}

TEST(WriteStreets, SegnetLayout) {
  ScratchFolder scratch;
  const auto root = scratch / "camvid";
  write_streets(root, small, 2, 1, StreetsLayout::segnet);
  const StreetScene second = render_street(small, 1);
  EXPECT_EQ(read_image(root / "train/000001.png"), second.image);
  EXPECT_THAT(read_mask(root / "trainannot/000001.png").values,
              ElementsAreArray(second.labels.ids));
  EXPECT_EQ(files_in(root / "val"), 1);
  EXPECT_EQ(files_in(root / "valannot"), 1);
}

TEST(WriteStreets, LabelColorsLayoutReadsBackExactly) {
  ScratchFolder scratch;
  const auto root = scratch / "camseq";
  write_streets(root, small, 1, 1, StreetsLayout::label_colors);
  const ColorTable table(read_label_colors(root / "label_colors.txt"));
  const StreetScene first = render_street(small, 0);
  EXPECT_EQ(read_image(root / "train/000000.png"), first.image);
  EXPECT_EQ(table.exact(read_image(root / "train/000000_L.png"), "mask"), first.labels);
}

TEST(WriteStreets, PairsLayoutSurvivesJpeg) {
  ScratchFolder scratch;
  const auto root = scratch / "pairs";
  write_streets(root, small, 2, 1, StreetsLayout::pairs);
  EXPECT_EQ(image_size(root / "train/1.jpg"), (ImageSize{40, 112}));
  EXPECT_TRUE(std::filesystem::exists(root / "train/2.jpg"));
  const Image pair = read_image(root / "val/1.jpg");
  const StreetScene third = render_street(small, 2);
  const ColorTable table(read_label_colors(root / "label_colors.txt"));
  int64_t wrong = 0, far = 0;
  for (int64_t y = 0; y < 40; ++y) {
    for (int64_t x = 0; x < 56; ++x) {
      const uint8_t* label = pair.at(y, 56 + x);
      wrong += table.nearest(Rgb{label[0], label[1], label[2]}, 500) != third.labels.at(y, x);
      for (int64_t c = 0; c < 3; ++c) {
        far += std::abs(pair.at(y, x)[c] - third.image.at(y, x)[c]) > 24;
      }
    }
  }
  EXPECT_LE(wrong, 40 * 56 / 200);
  EXPECT_LE(far, 40 * 56 / 20);
}

TEST(WriteStreets, RefusesWhatItMustNotOverwrite) {
  ScratchFolder scratch;
  const auto write = [&] { write_streets(scratch.path(), small, 1, 0, StreetsLayout::folder); };
  write();  // into an empty folder
  try {
    write();
    FAIL() << "overwrote a folder";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr(scratch.path().string()));
    EXPECT_THAT(error.what(), HasSubstr("not empty"));
  }
  const auto file = scratch / "file";
  write_file(file, "x");
  EXPECT_THROW(write_streets(file, small, 1, 0, StreetsLayout::folder), DataError);
  EXPECT_EQ(text_of(file), "x");
}

TEST(WriteStreets, AFailureLeavesNothing) {
  ScratchFolder scratch;
  const StreetOptions bad = {.height = 8, .width = 8};
  EXPECT_THROW(write_streets(scratch / "a", bad, 1, 0, StreetsLayout::folder), UsageError);
  EXPECT_EQ(files_in(scratch.path()), 0);
}

TEST(WriteStreets, LayoutsHaveNames) {
  EXPECT_EQ(streets_layout("segnet"), StreetsLayout::segnet);
  EXPECT_EQ(streets_layout("label_colors"), StreetsLayout::label_colors);
  try {
    streets_layout("voc");
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(),
                 "[streets] layout 'voc', expected one of folder, pairs, segnet, label_colors, "
                 "cityscapes");
  }
}

}  // namespace
}  // namespace pixelgrad

// Colours, palettes and the class tables. Expected values: the VOC colour map as the PASCAL VOC
// development kit prints it, and the published CamVid and Cityscapes tables.
#include "data/palette.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "data/class_tables.h"
#include "data/file_io.h"
#include "tensor/check.h"
#include "tensor/random.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::ScratchFolder;

TEST(Palette, DefaultColorsAreThoseOfVoc) {
  const std::vector<Rgb> colors = default_colors(256);
  EXPECT_EQ(colors[0], (Rgb{0, 0, 0}));
  EXPECT_EQ(colors[1], (Rgb{128, 0, 0}));        // aeroplane
  EXPECT_EQ(colors[7], (Rgb{128, 128, 128}));    // car
  EXPECT_EQ(colors[8], (Rgb{64, 0, 0}));         // cat
  EXPECT_EQ(colors[15], (Rgb{192, 128, 128}));   // person
  EXPECT_EQ(colors[20], (Rgb{0, 64, 128}));      // tv monitor
  EXPECT_EQ(colors[255], (Rgb{224, 224, 192}));  // void
  EXPECT_EQ(std::set<Rgb>(colors.begin(), colors.end()).size(), 256u);
  EXPECT_THROW(default_colors(257), UsageError);
  EXPECT_EQ(default_classes(3)[2].name, "2");
}

TEST(ColorTable, AgreesWithASearchThroughAllColors) {
  Random random({.seed = 5, .stream = stream_of("colors"), .step = 0});
  const auto any_color = [&] {
    const uint32_t bits = random.next();
    return Rgb{static_cast<uint8_t>(bits), static_cast<uint8_t>(bits >> 8),
               static_cast<uint8_t>(bits >> 16)};
  };
  std::vector<Rgb> colors;
  ColorTable table;
  while (colors.size() < 200) {
    const Rgb color = any_color();
    if (std::find(colors.begin(), colors.end(), color) != colors.end()) continue;
    table.add(color, static_cast<uint8_t>(colors.size()));
    colors.push_back(color);
  }
  EXPECT_EQ(table.size(), 200);
  for (size_t i = 0; i < colors.size(); ++i) EXPECT_EQ(table.exact(colors[i]), i);
  for (int round = 0; round < 500; ++round) {
    const Rgb color = any_color();
    double best = 1e9;
    size_t id = 0;
    for (size_t i = 0; i < colors.size(); ++i) {
      const double d =
          std::hypot(color[0] - colors[i][0], color[1] - colors[i][1], color[2] - colors[i][2]);
      if (d < best) {
        best = d;
        id = i;
      }
    }
    EXPECT_EQ(table.nearest(color, best + 0.01), id);
    EXPECT_EQ(table.nearest(color, best - 0.01), ignore_label);
    if (best > 0) {
      EXPECT_EQ(table.exact(color), std::nullopt);
    }
  }
}

TEST(ColorTable, OneColorCannotMeanTwoClasses) {
  ColorTable table;
  EXPECT_EQ(table.exact(Rgb{1, 2, 3}), std::nullopt);
  EXPECT_EQ(table.nearest(Rgb{1, 2, 3}, 1000), ignore_label);
  table.add({1, 2, 3}, 4);
  table.add({1, 2, 3}, 4);
  table.add({9, 9, 9}, 4);
  EXPECT_EQ(table.size(), 2);
  try {
    table.add({1, 2, 3}, 5);
    FAIL() << "accepted";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "[palette] colour 1 2 3 means class 4, so it cannot mean class 5");
  }
}

TEST(ColorTable, MapsImagesAndNamesStrangePixels) {
  ColorTable table;
  table.add({0, 0, 0}, 7);
  table.add({100, 0, 0}, 2);
  Image image(2, 2, 3);
  image.at(0, 1)[0] = 100;
  EXPECT_EQ(table.exact(image, "m.png").ids, (std::vector<uint8_t>{7, 2, 7, 7}));
  image.at(1, 0)[0] = 90;
  try {
    table.exact(image, "m.png");
    FAIL() << "accepted";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(),
                 "[palette] m.png: colour 90 0 0 at pixel (0, 1) is none of the 2 class colours");
  }
  image.at(1, 0)[0] = 0;
  EXPECT_EQ(table.exact(image, "m.png").ids, (std::vector<uint8_t>{7, 2, 7, 7}));
}

std::string error_of(const std::filesystem::path& path) {
  try {
    read_label_colors(path);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(LabelColors, TakesWhatEditorsMakeOfTheFile) {
  ScratchFolder folder;
  const auto path = folder / "label_colors.txt";
  write_file(path,
             "\xEF\xBB\xBF# camvid\r\n64 128 64\tAnimal\r\n\r\n192\t0  128\t\tArch way \r\n"
             "// more\n0 0 0 Void\r128 0 0\tBuilding");
  const std::vector<ClassInfo> classes = read_label_colors(path);
  ASSERT_EQ(classes.size(), 4u);
  EXPECT_EQ(classes[0].name, "Animal");
  EXPECT_EQ(classes[0].color, (Rgb{64, 128, 64}));
  EXPECT_EQ(classes[1].name, "Arch way");
  EXPECT_TRUE(classes[1].scored);
  EXPECT_EQ(classes[2].name, "Void");
  EXPECT_FALSE(classes[2].scored);
  EXPECT_EQ(classes[3].name, "Building");
  EXPECT_EQ(ColorTable(classes).exact(Rgb{0, 0, 0}), ignore_label);
  EXPECT_EQ(ColorTable(classes).exact(Rgb{128, 0, 0}), 3);
}

TEST(LabelColors, ErrorsNameFileAndLine) {
  ScratchFolder folder;
  const auto path = folder / "label_colors.txt";
  const auto expect = [&](const char* text, const char* line, const char* part) {
    write_file(path, text);
    EXPECT_THAT(error_of(path), AllOf(HasSubstr(path.string() + line), HasSubstr(part)));
  };
  expect("1 2 3 A\n1 2 3 B\n", ":2: ", "colour 1 2 3 of B was given before");
  expect("1 2 3 A\n\n1 2 4 A\n", ":3: ", "class A was given before");
  expect("1 2 256 A\n", ":1: ", "'256' is not a colour value");
  expect("1 2 -3 A\n", ":1: ", "'-3' is not a colour value");
  expect("1 2 A\n", ":1: ", "'A' is not a colour value");
  expect("1 2 3\n", ":1: ", "no class name after 1 2 3");
  expect("1 2\n", ":1: ", "'' is not a colour value");
  expect("# nothing\n", "", "no classes");
}

TEST(LabelColors, WritesWhatItReads) {
  ScratchFolder folder;
  const auto path = folder / "label_colors.txt";
  const std::vector<ClassInfo> classes = camvid32_classes();
  write_label_colors(path, classes);
  const std::vector<ClassInfo> back = read_label_colors(path);
  ASSERT_EQ(back.size(), classes.size());
  for (size_t i = 0; i < back.size(); ++i) {
    EXPECT_EQ(back[i].name, classes[i].name);
    EXPECT_EQ(back[i].color, classes[i].color);
    EXPECT_EQ(back[i].scored, classes[i].scored);
  }
}

TEST(ClassTables, CamvidHasItsPublishedProperties) {
  const auto classes = camvid_classes();
  ASSERT_EQ(classes.size(), 32u);
  EXPECT_STREQ(classes[30].name, "Void");
  double nearest = 1e9;
  for (size_t i = 0; i < classes.size(); ++i) {
    if (i > 0) {
      EXPECT_LT(strcasecmp(classes[i - 1].name, classes[i].name), 0);
    }
    for (size_t j = 0; j < i; ++j) {
      const Rgb a = classes[i].color, b = classes[j].color;
      nearest = std::min(nearest, std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]));
    }
  }
  EXPECT_EQ(nearest, 64);

  const std::vector<ClassInfo> groups = camvid11_classes();
  ASSERT_EQ(groups.size(), 11u);
  const ColorTable table = camvid11_colors();
  const auto group_of = [&](Rgb color) { return groups[*table.exact(color)].name; };
  EXPECT_EQ(group_of({192, 0, 128}), "Building");   // Archway
  EXPECT_EQ(group_of({0, 0, 64}), "Pole");          // TrafficCone
  EXPECT_EQ(group_of({128, 0, 192}), "Road");       // LaneMkgsDriv
  EXPECT_EQ(group_of({0, 0, 192}), "Pavement");     // Sidewalk
  EXPECT_EQ(group_of({60, 40, 222}), "Pavement");   // its colour in SegNet's figures
  EXPECT_EQ(group_of({192, 128, 192}), "Car");      // Truck_Bus
  EXPECT_EQ(group_of({192, 0, 192}), "Bicyclist");  // MotorcycleScooter
  EXPECT_EQ(table.exact(Rgb{0, 0, 0}), ignore_label);
}

TEST(ClassTables, CityscapesHasItsPublishedProperties) {
  const auto labels = cityscapes_labels();
  ASSERT_EQ(labels.size(), 35u);
  std::set<Rgb> colors;
  int train_ids = 0;
  for (const CityscapesLabel& label : labels) {
    colors.insert(label.color);
    if (label.train_id != ignore_label) {
      EXPECT_EQ(label.train_id, train_ids++) << label.name;
    }
    EXPECT_EQ(label.ignored, label.train_id == ignore_label) << label.name;
  }
  EXPECT_EQ(train_ids, 19);
  EXPECT_EQ(colors.size(), 29u);

  const std::vector<ClassInfo> all = cityscapes34_classes(), scored = cityscapes19_classes();
  ASSERT_EQ(all.size(), 34u);
  ASSERT_EQ(scored.size(), 19u);
  EXPECT_EQ(all[26].name, "car");
  EXPECT_EQ(scored[13].name, "car");
  const std::vector<ClassInfo> listed = cityscapes30_classes();
  const ColorTable colors30 = cityscapes30_colors();
  ASSERT_EQ(listed.size(), 30u);
  EXPECT_EQ(colors30.size(), 29);
  const auto meaning = [&](Rgb color) { return listed.at(colors30.exact(color).value()).name; };
  EXPECT_EQ(meaning({0, 0, 0}), "static");
  EXPECT_EQ(meaning({153, 153, 153}), "pole");  // not polegroup
  EXPECT_EQ(meaning({0, 0, 142}), "car");       // not license plate
  EXPECT_EQ(meaning({119, 11, 32}), "bicycle");
  for (const ClassInfo& c : listed) EXPECT_EQ(c.scored, c.name != "polegroup") << c.name;
  EXPECT_EQ(cityscapes19_colors().exact(Rgb{0, 0, 142}), 13);
  EXPECT_EQ(cityscapes19_colors().exact(Rgb{0, 0, 0}), ignore_label);
}

}  // namespace
}  // namespace pixelgrad

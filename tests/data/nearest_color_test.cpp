#include "data/nearest_color.h"

#include <gtest/gtest.h>

#include "data/class_tables.h"
#include "tensor/check.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

/// Compares with a search through all colours: on a grid with every corner of every cell (multiples
/// of 8 and one less), and at random.
void expect_same_as_search(const ColorTable& colors, double distance) {
  const NearestColors nearest(colors, distance);
  int64_t different = 0;
  const auto compare = [&](Rgb c) { different += nearest(c) != colors.nearest(c, distance); };
  std::vector<uint8_t> levels;
  for (int v = 0; v < 256; ++v)
    if (v % 8 == 0 || v % 8 == 7) levels.push_back(static_cast<uint8_t>(v));
  for (const uint8_t r : levels)
    for (const uint8_t g : levels)
      for (const uint8_t b : levels) compare({r, g, b});
  Random random({.seed = 5});
  const auto byte = [&] { return static_cast<uint8_t>(random.below(256)); };
  for (int i = 0; i < 200000; ++i) compare({byte(), byte(), byte()});
  EXPECT_EQ(different, 0) << colors.size() << " colours, distance " << distance;
}

TEST(NearestColors, AgreesWithASearch) {
  for (const double distance : {0.0, 12.0, 60.0, 1000.0}) {
    expect_same_as_search(cityscapes30_colors(), distance);
    expect_same_as_search(ColorTable(camvid32_classes()), distance);
  }
  expect_same_as_search(camvid11_colors(), 60);  // several colours with one id
}

TEST(NearestColors, FirstColourWinsATie) {
  for (const auto& [first, second] : {std::pair<uint8_t, uint8_t>{3, 8}, {8, 3}}) {
    ColorTable colors;
    colors.add({static_cast<uint8_t>(first == 3 ? 10 : 30), 0, 0}, first);
    colors.add({static_cast<uint8_t>(first == 3 ? 30 : 10), 0, 0}, second);
    EXPECT_EQ(NearestColors(colors, 60)({20, 0, 0}), first);
    expect_same_as_search(colors, 60);
  }
}

TEST(NearestColors, FewAndManyColours) {
  expect_same_as_search({}, 60);
  EXPECT_EQ(NearestColors({}, 60)({1, 2, 3}), ignore_label);
  ColorTable one;
  one.add({200, 100, 50}, 7);
  expect_same_as_search(one, 31.5);
  ColorTable crowd;  // close together, so that many have a part in one cell
  for (int i = 0; i < 200; ++i)
    crowd.add({static_cast<uint8_t>(100 + i % 6), static_cast<uint8_t>(100 + i / 6 % 6),
               static_cast<uint8_t>(100 + i / 36)},
              static_cast<uint8_t>(i));
  expect_same_as_search(crowd, 20);
}

TEST(NearestColors, ConvertsRows) {
  ColorTable colors;
  colors.add({0, 0, 0}, 7);
  colors.add({100, 0, 0}, 2);
  const std::vector<uint8_t> rgb = {0, 0, 0, 100, 0, 0, 90, 0, 0, 0, 9, 0};
  std::vector<uint8_t> ids(4);
  NearestColors(colors, 9).convert(rgb, ids);
  EXPECT_EQ(ids, (std::vector<uint8_t>{7, 2, 255, 7}));
  const NearestColors nearest(colors, 10);
  for (size_t size = 0; size < 12; ++size) {  // more and fewer than are looked up at a time
    std::vector<uint8_t> long_rgb, expected, got(size);
    for (size_t i = 0; i < size; ++i) {
      long_rgb.insert(long_rgb.end(), &rgb[3 * (i % 4)], &rgb[3 * (i % 4)] + 3);
      expected.push_back(std::vector<uint8_t>{7, 2, 2, 7}[i % 4]);
    }
    nearest.convert(long_rgb, got);
    EXPECT_EQ(got, expected) << size;
  }
  ids.resize(3);
  EXPECT_THROW(NearestColors(colors, 9).convert(rgb, ids), Error);
}

}  // namespace
}  // namespace pixelgrad

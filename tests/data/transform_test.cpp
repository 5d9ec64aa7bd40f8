#include "data/transform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "tensor/check.h"

namespace pixelgrad {
namespace {

/// A pair in which every pixel carries its own coordinates: red = x, green = y, and the id is a
/// hash of both, so that image and labels can be compared pixel by pixel after any transform.
uint8_t id_at(int64_t x, int64_t y) { return static_cast<uint8_t>((7 * x + 13 * y) % 251); }

struct Coordinates {
  Image image;
  LabelMap labels;
  Coordinates(int64_t height, int64_t width) : image(height, width, 3), labels(height, width) {
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        uint8_t* p = image.at(y, x);
        p[0] = static_cast<uint8_t>(x);
        p[1] = static_cast<uint8_t>(y);
        p[2] = 200;
        labels.at(y, x) = id_at(x, y);
      }
  }
};

RandomKey key(uint64_t step) { return {.seed = 11, .stream = stream_of("augment"), .step = step}; }

TEST(Augment, NothingIsTheIdentity) {
  const Coordinates start(9, 14);
  Coordinates c = start;
  augment(c.image, c.labels, {}, key(1));
  EXPECT_EQ(c.image, start.image);
  EXPECT_EQ(c.labels, start.labels);
}

TEST(Augment, FlipsMirrorAndTwiceIsTheIdentity) {
  for (const auto& [h, w] : {std::pair<int64_t, int64_t>{8, 8}, {7, 5}, {1, 6}}) {
    const Coordinates start(h, w);
    Coordinates c = start;
    const AugmentOptions flip{.horizontal_flip = 1};
    augment(c.image, c.labels, flip, key(1));
    for (int64_t y = 0; y < h; ++y)
      for (int64_t x = 0; x < w; ++x) {
        EXPECT_EQ(c.image.at(y, x)[0], w - 1 - x);
        EXPECT_EQ(c.image.at(y, x)[1], y);
        EXPECT_EQ(c.labels.at(y, x), id_at(w - 1 - x, y));
      }
    augment(c.image, c.labels, flip, key(2));
    EXPECT_EQ(c.image, start.image);
    EXPECT_EQ(c.labels, start.labels);

    augment(c.image, c.labels, {.vertical_flip = 1}, key(1));
    EXPECT_EQ(c.image.at(0, 0)[1], h - 1);
    EXPECT_EQ(c.image.at(0, 0)[0], 0);
    augment(c.image, c.labels, {.vertical_flip = 1}, key(2));
    EXPECT_EQ(c.image, start.image);
    EXPECT_EQ(c.labels, start.labels);
  }
}

TEST(Augment, FlipProbabilityIsKept) {
  int flipped = 0;
  for (uint64_t step = 0; step < 2000; ++step)
    flipped += draw_augmentation({.horizontal_flip = 0.3}, {4, 4}, key(step)).xu < 0;
  EXPECT_NEAR(flipped, 600, 5 * std::sqrt(2000 * 0.3 * 0.7));
}

TEST(Augment, CropCutsImageAndLabelsAtOnePlace) {
  std::set<int> lefts, tops;
  for (uint64_t step = 0; step < 200; ++step) {
    Coordinates c(6, 9);
    augment(c.image, c.labels, {.crop = ImageSize{4, 5}}, key(step));
    ASSERT_EQ(c.image.height, 4);
    ASSERT_EQ(c.image.width, 5);
    const int left = c.image.at(0, 0)[0], top = c.image.at(0, 0)[1];
    lefts.insert(left);
    tops.insert(top);
    for (int64_t y = 0; y < 4; ++y)
      for (int64_t x = 0; x < 5; ++x) {
        EXPECT_EQ(c.image.at(y, x)[0], left + x);
        EXPECT_EQ(c.image.at(y, x)[1], top + y);
        EXPECT_EQ(c.labels.at(y, x), id_at(left + x, top + y));
      }
  }
  EXPECT_THAT(lefts, ::testing::ElementsAre(0, 1, 2, 3, 4));  // every place, and none beyond
  EXPECT_THAT(tops, ::testing::ElementsAre(0, 1, 2));
}

TEST(Augment, PaddingIsTheMeanColourAndIgnored) {
  for (uint64_t step = 0; step < 50; ++step) {
    Coordinates c(3, 4);
    augment(c.image, c.labels, {.crop = ImageSize{6, 7}}, key(step));
    int64_t inside = 0;
    for (int64_t y = 0; y < 6; ++y)
      for (int64_t x = 0; x < 7; ++x) {
        const uint8_t* p = c.image.at(y, x);
        if (c.labels.at(y, x) == ignore_label) {
          EXPECT_EQ(p[0], 2);  // mean of 0..3 is 1.5, rounded up
          EXPECT_EQ(p[1], 1);
          EXPECT_EQ(p[2], 200);
        } else {
          ++inside;
          EXPECT_EQ(c.labels.at(y, x), id_at(p[0], p[1]));
        }
      }
    EXPECT_EQ(inside, 12);  // the whole image lies in the window
  }
}

TEST(Augment, ReflectedPaddingMirrorsPixelsAndIsStillIgnored) {
  const Coordinates c(2, 3);
  Augmentation a{.size = {2, 9}};
  a.x0 = -3;  // three columns to the left of the image, three to the right
  const Image out = warp_image(c.image, a, AugmentOptions::Border::reflect);
  const LabelMap labels = warp_labels(c.labels, a);
  const std::vector<int> expected = {2, 1, 0, 0, 1, 2, 2, 1, 0};
  for (int64_t x = 0; x < 9; ++x) {
    EXPECT_EQ(out.at(1, x)[0], expected[static_cast<size_t>(x)]);
    EXPECT_EQ(out.at(1, x)[1], 1);
    EXPECT_EQ(labels.at(1, x) == ignore_label, x < 3 || x > 5);
  }
}

// Zoom by a whole factor makes blocks: output pixel u takes source (u + 0.5) / 2.
TEST(Augment, ZoomTakesNearestLabelsAndBilinearPixels) {
  Coordinates c(4, 4);
  for (uint8_t& p : c.image.pixels) p = static_cast<uint8_t>(p < 200 ? 40 * p : p);
  augment(c.image, c.labels, {.scale_min = 2, .scale_max = 2, .crop = ImageSize{8, 8}}, key(0));
  const std::vector<int> expected = {0, 10, 30, 50, 70, 90, 110, 120};  // edges repeated
  for (int64_t y = 0; y < 8; ++y)
    for (int64_t x = 0; x < 8; ++x) {
      EXPECT_EQ(c.image.at(y, x)[0], expected[static_cast<size_t>(x)]);
      EXPECT_EQ(c.image.at(y, x)[1], expected[static_cast<size_t>(y)]);
      EXPECT_EQ(c.labels.at(y, x), id_at(x / 2, y / 2));
    }
}

/// Bilinear interpolation as its definition has it: the sum over all pixels of a tent around each;
/// beyond the outermost centres it is constant.
double tent_mean(const Image& image, double x, double y, int64_t channel) {
  x = std::clamp(x, 0.5, static_cast<double>(image.width) - 0.5);
  y = std::clamp(y, 0.5, static_cast<double>(image.height) - 0.5);
  double sum = 0;
  for (int64_t row = 0; row < image.height; ++row)
    for (int64_t column = 0; column < image.width; ++column) {
      const double u = std::abs(x - static_cast<double>(column) - 0.5);
      const double v = std::abs(y - static_cast<double>(row) - 0.5);
      if (u < 1 && v < 1) sum += (1 - u) * (1 - v) * image.at(row, column)[channel];
    }
  return sum;
}

TEST(Augment, EveryPixelIsInterpolatedWhereTheMapPointsTo) {
  Coordinates c(7, 11);
  Random random({.seed = 5});
  for (uint8_t& p : c.image.pixels) p = static_cast<uint8_t>(random.below(256));
  int64_t inside = 0, outside = 0;
  for (uint64_t step = 0; step < 60; ++step) {
    const Augmentation a = draw_augmentation({.horizontal_flip = 0.5,
                                              .vertical_flip = 0.5,
                                              .scale_min = 0.5,
                                              .scale_max = 2,
                                              .rotate = step % 2 == 0 ? 0.0 : 20.0,
                                              .crop = ImageSize{9, 8}},
                                             {7, 11}, key(step));
    const Image out = warp_image(c.image, a, AugmentOptions::Border::mean);
    const LabelMap labels = warp_labels(c.labels, a);
    for (int64_t row = 0; row < 9; ++row)
      for (int64_t column = 0; column < 8; ++column) {
        const double u = static_cast<double>(column) + 0.5, v = static_cast<double>(row) + 0.5;
        const double x = a.xu * u + a.xv * v + a.x0, y = a.yu * u + a.yv * v + a.y0;
        if (x < 0 || x >= 11 || y < 0 || y >= 7) {
          ++outside;
          EXPECT_EQ(labels.at(row, column), ignore_label);
          continue;
        }
        ++inside;
        EXPECT_EQ(labels.at(row, column), id_at(static_cast<int64_t>(x), static_cast<int64_t>(y)));
        for (int64_t channel = 0; channel < 3; ++channel)
          EXPECT_NEAR(out.at(row, column)[channel], tent_mean(c.image, x, y, channel), 0.5 + 1e-9)
              << step << ": " << row << ", " << column;
      }
  }
  EXPECT_GT(inside, 1000);
  EXPECT_GT(outside, 100);
}

TEST(Augment, ZoomIsDrawnFromItsRange) {
  double least = 10, greatest = 0;
  int below_one = 0;
  for (uint64_t step = 0; step < 1000; ++step) {
    const Augmentation a =
        draw_augmentation({.scale_min = 0.5, .scale_max = 2}, {10, 10}, key(step));
    const double zoom = 1 / a.xu;
    least = std::min(least, zoom);
    greatest = std::max(greatest, zoom);
    below_one += zoom < 1;
  }
  EXPECT_GE(least, 0.5);
  EXPECT_LT(least, 0.52);
  EXPECT_LE(greatest, 2);
  EXPECT_GT(greatest, 1.95);
  EXPECT_NEAR(below_one, 500, 80);  // log-uniform: as often smaller as larger
}

// A quarter turn moves pixels to pixels, so that it can be checked exactly (up to the rounding of
// cos and sin): red must hold what was green's coordinate.
TEST(Augment, QuarterTurnPermutesPixels) {
  const Coordinates c(6, 6);
  Augmentation a{.size = {6, 6}};
  const double angle = std::acos(-1.0) / 2;
  a.xu = std::cos(angle), a.xv = std::sin(angle), a.yu = -std::sin(angle), a.yv = std::cos(angle);
  a.x0 = 3 - 3 * (a.xu + a.xv), a.y0 = 3 - 3 * (a.yu + a.yv);
  const Image image = warp_image(c.image, a, AugmentOptions::Border::mean);
  const LabelMap labels = warp_labels(c.labels, a);
  for (int64_t y = 0; y < 6; ++y)
    for (int64_t x = 0; x < 6; ++x) {
      EXPECT_EQ(image.at(y, x)[0], y);
      EXPECT_EQ(image.at(y, x)[1], 5 - x);
      EXPECT_EQ(labels.at(y, x), id_at(y, 5 - x));
    }
}

// Rotation, zoom, flips and crop together: the colour of a pixel says where it came from; its id
// must be that of the nearest source pixel, and no id may be invented.
TEST(Augment, ImageAndLabelsStayAlignedUnderEverything) {
  const AugmentOptions options{.horizontal_flip = 0.5,
                               .vertical_flip = 0.5,
                               .scale_min = 0.7,
                               .scale_max = 1.6,
                               .rotate = 30,
                               .crop = ImageSize{40, 50}};
  int64_t compared = 0;
  for (uint64_t step = 0; step < 20; ++step) {
    Coordinates c(48, 60);
    for (int64_t i = 0; i < 48 * 60; ++i) {  // coordinates times 4, for sub-pixel precision
      c.image.pixels[static_cast<size_t>(3 * i)] = static_cast<uint8_t>(4 * (i % 60));
      c.image.pixels[static_cast<size_t>(3 * i + 1)] = static_cast<uint8_t>(4 * (i / 60));
    }
    augment(c.image, c.labels, options, key(step));
    for (int64_t y = 0; y < 40; ++y)
      for (int64_t x = 0; x < 50; ++x) {
        if (c.labels.at(y, x) == ignore_label) continue;
        const double from_x = c.image.at(y, x)[0] / 4.0, from_y = c.image.at(y, x)[1] / 4.0;
        // The colour is rounded to 1/4 pixel: near a border between pixels both are right.
        bool matches = false;
        for (const double dx : {-0.125, 0.125})
          for (const double dy : {-0.125, 0.125})
            matches |= c.labels.at(y, x) == id_at(std::lround(std::max(0.0, from_x + dx)),
                                                  std::lround(std::max(0.0, from_y + dy)));
        EXPECT_TRUE(matches) << "step " << step << " at " << x << "," << y;
        ++compared;
      }
  }
  EXPECT_GT(compared, 20 * 40 * 50 / 2);
}

TEST(Augment, RotationAngleIsDrawnFromItsRange) {
  double greatest = 0;
  int positive = 0;
  for (uint64_t step = 0; step < 500; ++step) {
    const Augmentation a = draw_augmentation({.rotate = 20}, {10, 10}, key(step));
    const double degrees = std::atan2(a.xv, a.xu) * 180 / std::acos(-1.0);
    greatest = std::max(greatest, std::abs(degrees));
    positive += degrees > 0;
  }
  EXPECT_LE(greatest, 20);
  EXPECT_GT(greatest, 19);
  EXPECT_NEAR(positive, 250, 60);
}

TEST(Augment, ColourJitterByHand) {
  Image image(1, 2, 3);
  image.pixels = {100, 50, 20, 10, 200, 240};
  // luma: .299*100 + .587*50 + .114*20 = 61.53 and .299*10 + .587*200 + .114*240 = 147.75
  Image bright = image;
  jitter_colors(bright, {.size = {1, 2}, .brightness = 1.2});
  EXPECT_EQ(bright.pixels, (std::vector<uint8_t>{120, 60, 24, 12, 240, 255}));
  Image flat = image;
  jitter_colors(flat, {.size = {1, 2}, .contrast = 0.5});  // towards (61.53 + 147.75) / 2 = 104.64
  EXPECT_EQ(flat.pixels, (std::vector<uint8_t>{102, 77, 62, 57, 152, 172}));
  Image gray = image;
  jitter_colors(gray, {.size = {1, 2}, .saturation = 0});
  EXPECT_EQ(gray.pixels, (std::vector<uint8_t>{62, 62, 62, 148, 148, 148}));
}

TEST(Augment, TheKeyAloneDecides) {
  const AugmentOptions options{.horizontal_flip = 0.5, .rotate = 10, .brightness = 0.4};
  const auto same = [&](const RandomKey& a, const RandomKey& b) {
    const Augmentation x = draw_augmentation(options, {20, 20}, a);
    const Augmentation y = draw_augmentation(options, {20, 20}, b);
    return x.xu == y.xu && x.xv == y.xv && x.brightness == y.brightness;
  };
  EXPECT_TRUE(same(key(5), key(5)));
  EXPECT_FALSE(same(key(5), key(6)));
  EXPECT_FALSE(same(key(5), {.seed = 12, .stream = key(5).stream, .step = 5}));
}

TEST(Augment, OptionsOutOfRangeAreNamed) {
  const auto message = [](const AugmentOptions& options) -> std::string {
    try {
      check_options(options);
    } catch (const UsageError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(message({.horizontal_flip = 1.5}), "[augment] horizontal_flip is 1.5, expected 0 to 1");
  EXPECT_EQ(message({.scale_min = 2}), "[augment] scale_max is 1, expected 2 to 100");
  EXPECT_EQ(message({.rotate = -3}), "[augment] rotate is -3, expected 0 to 180");
  EXPECT_EQ(message({.crop = ImageSize{0, 5}}), "[augment] crop is 5x0, sides must be at least 1");
  EXPECT_EQ(message({.saturation = std::nan("")}), "[augment] saturation is nan, expected 0 to 1");
  EXPECT_EQ(message({}), "");
}

}  // namespace
}  // namespace pixelgrad

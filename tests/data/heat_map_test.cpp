#include "data/heat_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace pixelgrad {
namespace {

using ::testing::HasSubstr;

Rgb at(const Image& image, int64_t y, int64_t x) {
  const uint8_t* p = image.at(y, x);
  return {p[0], p[1], p[2]};
}

/// CIE 1976 lightness of an sRGB colour, 0 to 100.
double lightness(Rgb color) {
  const auto linear = [](uint8_t v) {
    const double s = v / 255.0;
    return s <= 0.04045 ? s / 12.92 : std::pow((s + 0.055) / 1.055, 2.4);
  };
  const double y =
      0.2126 * linear(color[0]) + 0.7152 * linear(color[1]) + 0.0722 * linear(color[2]);
  return y > 216.0 / 24389 ? 116 * std::cbrt(y) - 16 : y * 24389 / 27;
}

TEST(HeatMap, BrightnessRisesEvenlyForTheEye) {
  EXPECT_EQ(heat_color(0), (Rgb{0, 0, 4}));
  EXPECT_EQ(heat_color(-1), heat_color(0));
  EXPECT_EQ(heat_color(2), heat_color(1));
  const double darkest = lightness(heat_color(0)), lightest = lightness(heat_color(1));
  EXPECT_LT(darkest, 1);
  EXPECT_GT(lightest, 97);
  // The map is even by a newer model of the eye (CAM02-UCS), where the middle is a little darker.
  for (int i = 1; i <= 100; ++i) {
    const double here = lightness(heat_color(i / 100.0));
    EXPECT_NEAR(here, darkest + (lightest - darkest) * i / 100, 6) << i;
    EXPECT_GT(here, lightness(heat_color((i - 1) / 100.0))) << i;
  }
}

TEST(HeatMap, ScalesAreWhatTheirNamesSay) {
  const Tensor values = Tensor::from<double>({1, 4}, {0, 1, 25, 100});
  const Rgb zero = at(heat_map(values), 0, 0);
  EXPECT_NE(zero, heat_color(0));
  const auto expect = [&](const HeatMapOptions& options, double second, double third) {
    const Image image = heat_map(values, options);
    EXPECT_EQ(at(image, 0, 0), zero);
    EXPECT_EQ(at(image, 0, 1), heat_color(second));
    EXPECT_EQ(at(image, 0, 2), heat_color(third));
    EXPECT_EQ(at(image, 0, 3), heat_color(1));
  };
  expect({.scale = HeatScale::linear}, 0.01, 0.25);
  expect({.scale = HeatScale::square_root}, 0.1, 0.5);
  expect({.scale = HeatScale::logarithmic, .decades = 4}, 0.5, 1 + std::log10(0.25) / 4);
  expect({.scale = HeatScale::logarithmic, .decades = 1}, 0, 1 + std::log10(0.25));
}

TEST(HeatMap, ZoomsAndDrawsFramesWithinTheirCells) {
  const Rgb green{0, 255, 0};
  const Image image =
      heat_map(Tensor::full({6, 7}, 1, Dtype::f32), {.zoom = 3, .frames = {{1, 2, 4, 3, green}}});
  ASSERT_EQ(image.height, 18);
  ASSERT_EQ(image.width, 21);
  for (int64_t y = 0; y < 18; ++y)
    for (int64_t x = 0; x < 21; ++x) {
      const bool inside = y >= 3 && y < 15 && x >= 6 && x < 15;
      const bool edge = inside && (y == 3 || y == 14 || x == 6 || x == 14);
      EXPECT_EQ(at(image, y, x), edge ? green : heat_color(1)) << y << ", " << x;
    }
}

TEST(HeatMap, NamesWhatItCannotDraw) {
  const auto refusal = [](const Tensor& values, const HeatMapOptions& options = {}) {
    try {
      heat_map(values, options);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  EXPECT_THAT(refusal(Tensor::zeros({1, 2, 3}, Dtype::f64)), HasSubstr("[1,2,3], expected [H,W]"));
  EXPECT_THAT(refusal(Tensor::zeros({0, 3}, Dtype::f64)), HasSubstr("[0,3], expected [H,W]"));
  EXPECT_THAT(refusal(Tensor::full({1, 1}, -1, Dtype::f64)), HasSubstr("a value is -1, expected"));
  EXPECT_THAT(refusal(Tensor::full({1, 1}, NAN, Dtype::f64)), HasSubstr("a value is nan"));
  const Tensor one = Tensor::full({1, 1}, 1, Dtype::f64);
  EXPECT_THAT(refusal(one, {.zoom = 0}), HasSubstr("zoom 0, decades 4, expected both"));
  EXPECT_THAT(refusal(one, {.decades = 0}), HasSubstr("zoom 1, decades 0, expected both"));
}

}  // namespace
}  // namespace pixelgrad

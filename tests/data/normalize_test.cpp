#include "data/normalize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tensor/check.h"
#include "tests/data/memory_dataset.h"

namespace pixelgrad {
namespace {

using pixelgrad::testing::MemoryDataset;
using pixelgrad::testing::plain_sample;

std::vector<float> applied(const Normalization& n, const Image& image) {
  std::vector<float> out(image.pixels.size());
  n.apply(image, out.data(), image.width * 3);
  return out;
}

TEST(Normalization, ImagenetByHand) {
  Image image(1, 1, 3);
  image.pixels = {255, 0, 51};
  const auto x = applied(Normalization::imagenet(), image);
  EXPECT_NEAR(x[0], (1 - 0.485) / 0.229, 1e-6);
  EXPECT_NEAR(x[1], (0 - 0.456) / 0.224, 1e-6);
  EXPECT_NEAR(x[2], (0.2 - 0.406) / 0.225, 1e-6);
}

TEST(Normalization, UnitIsPixelOver255) {
  Image image(1, 1, 3);
  image.pixels = {0, 51, 255};
  EXPECT_EQ(applied(Normalization::unit(), image), (std::vector<float>{0, 51 / 255.0f, 1}));
}

TEST(Normalization, PerImageHasMeanZeroAndVarianceOne) {
  Image image(3, 5, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<uint8_t>(i * i % 97);
  const auto x = applied(Normalization::per_image(), image);
  double sum = 0, squares = 0;
  for (const float v : x) {
    sum += v;
    squares += double{v} * v;
  }
  EXPECT_NEAR(sum / 45, 0, 1e-6);
  EXPECT_NEAR(squares / 45, 1, 1e-5);
}

TEST(Normalization, AnImageOfOneColourIsZeroAndNotNan) {
  for (const float v : applied(Normalization::per_image(), plain_sample(2, 2, {9, 9, 9}, 0).image))
    EXPECT_NEAR(v, 0, 1e-4);
}

TEST(Normalization, RowsLieApartByTheStride) {
  Image image(2, 1, 3);
  image.pixels = {255, 255, 255, 0, 0, 0};
  std::vector<float> out(12, -7);
  Normalization::unit().apply(image, out.data(), 6);
  EXPECT_EQ(out, (std::vector<float>{1, 1, 1, -7, -7, -7, 0, 0, 0, -7, -7, -7}));
}

TEST(Normalization, OfADatasetCountsEveryPixelOnce) {
  // red: 3 pixels of 51 (0.2) and 1 of 255: mean 0.4, variance 0.12
  const MemoryDataset data(
      {plain_sample(1, 3, {51, 0, 102}, 0), plain_sample(1, 1, {255, 0, 102}, 0)});
  const Normalization n = make_normalization("dataset", data);
  EXPECT_EQ(n.kind, Normalization::Kind::dataset);
  EXPECT_NEAR(n.mean[0], 0.4, 1e-6);
  EXPECT_NEAR(n.std[0], std::sqrt(0.12), 1e-6);
  EXPECT_NEAR(n.mean[2], 0.4, 1e-6);
  EXPECT_NEAR(n.std[2], 0, 1e-6);
  // a constant channel: centred, and not blown up
  EXPECT_NEAR(applied(n, plain_sample(1, 1, {51, 0, 102}, 0).image)[2], 0, 1e-4);
}

TEST(Normalization, GoesThroughStringsExactly) {
  Normalization n = Normalization::imagenet();
  n.mean = {1.0f / 3, 1e-20f, -0.1f};
  n.std_floor = 0.007f;
  EXPECT_EQ(Normalization::from_map(n.to_map()), n);
  EXPECT_EQ(Normalization::from_map(Normalization::per_image().to_map()),
            Normalization::per_image());
}

TEST(Normalization, BadStringsAreNamed) {
  const auto message = [](const char* key, const char* value) -> std::string {
    auto map = Normalization::imagenet().to_map();
    map.erase(key);
    if (value) map[key] = value;
    try {
      Normalization::from_map(map);
    } catch (const CheckpointError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(message("mean", nullptr), "[normalization] key mean is missing");
  EXPECT_EQ(message("kind", nullptr), "[normalization] key kind is missing");
  EXPECT_EQ(message("kind", "odd"),
            "[normalization] kind is \"odd\", expected fixed, dataset or per_image");
  EXPECT_EQ(message("std", "1 2"), "[normalization] std is \"1 2\", expected 3 numbers");
  EXPECT_EQ(message("std", "1 x 2"), "[normalization] std is \"1 x 2\", expected 3 numbers");
  EXPECT_EQ(message("mean", "1 nan 2"), "[normalization] mean is \"1 nan 2\", expected 3 numbers");
  EXPECT_EQ(message("std_floor", "0"),
            "[normalization] std_floor is 0, expected a positive number");
}

TEST(Normalization, WrongNamesAndChannelsAreRefused) {
  const MemoryDataset data({plain_sample(1, 1, {0, 0, 0}, 0)});
  EXPECT_THROW(make_normalization("mean", data), UsageError);
  float out = 0;
  EXPECT_THROW(Normalization::unit().apply(Image(1, 1, 1), &out, 3), Error);
}

}  // namespace
}  // namespace pixelgrad

#include "data/resize.h"

#include <gtest/gtest.h>

#include <vector>

#include "tensor/check.h"

namespace pixelgrad {
namespace {

Image picture() {
  Image image(5, 7, 1);
  image.pixels = {10,  200, 30,  90, 250, 0,   120, 0,   50,  100, 150, 200,
                  250, 255, 255, 3,  77,  180, 60,  20,  140, 90,  90,  10,
                  10,  240, 240, 5,  33,  66,  99,  132, 165, 198, 231};
  return image;
}

struct Expected {
  int64_t height, width;
  std::vector<double> values;
};

// torch.nn.functional.interpolate(mode="bilinear", align_corners=False, antialias=True) in float64
TEST(ResizeImage, AsTorchWithAntialias) {
  const std::vector<Expected> cases = {
      {3,
       4,
       {64.014, 90.743, 172.686, 149.966, 101.931, 79.467, 130.133, 128.677, 65.673, 69.223,
        168.034, 172.224}},
      {5,
       3,
       {95.714, 114.706, 96.429, 42.857, 150.000, 241.071, 108.857, 107.706, 71.429, 72.857, 82.353,
        156.071, 61.286, 132.000, 202.714}},
      {2, 12, {65.227,  74.091,  87.879,  77.784,  76.278,  113.002, 147.273, 179.091,
               154.659, 120.095, 153.239, 174.545, 105.273, 88.585,  62.627,  59.074,
               62.159,  83.265,  117.032, 163.460, 175.097, 174.669, 140.756, 118.955}},
      {10, 2, {102.326, 105.814, 96.512,  132.238, 84.884, 185.087, 86.169,
               179.977, 100.366, 116.907, 97.343,  98.360, 77.099,  124.337,
               71.529,  147.698, 80.634,  168.442, 85.186, 178.814}},
  };
  for (const Expected& e : cases) {
    const Image out = resize_image(picture(), e.height, e.width);
    ASSERT_EQ(out.pixels.size(), e.values.size());
    for (size_t i = 0; i < e.values.size(); ++i)
      EXPECT_NEAR(out.pixels[i], e.values[i], 0.501) << e.height << "x" << e.width << " at " << i;
  }
}

// Each channel must be resized as it would be alone.
TEST(ResizeImage, ChannelsDoNotMix) {
  const Image gray = picture();
  Image rgb(5, 7, 3);
  for (size_t i = 0; i < gray.pixels.size(); ++i) {
    rgb.pixels[3 * i] = gray.pixels[i];
    rgb.pixels[3 * i + 1] = 77;
    rgb.pixels[3 * i + 2] = static_cast<uint8_t>(255 - gray.pixels[i]);
  }
  const Image small = resize_image(rgb, 3, 4), expected = resize_image(gray, 3, 4);
  for (size_t i = 0; i < expected.pixels.size(); ++i) {
    EXPECT_EQ(small.pixels[3 * i], expected.pixels[i]);
    EXPECT_EQ(small.pixels[3 * i + 1], 77);
    EXPECT_NEAR(small.pixels[3 * i + 2], 255 - expected.pixels[i], 1);
  }
}

TEST(ResizeImage, SameSizeIsTheImage) { EXPECT_EQ(resize_image(picture(), 5, 7), picture()); }

TEST(ResizeLabels, NearestWithHalfPixelCentres) {
  LabelMap labels(1, 4);
  labels.ids = {3, 1, 255, 2};
  // centres of 6 pixels over 4: 0.33 1 1.67 2.33 3 3.67
  EXPECT_EQ(resize_labels(labels, 1, 6).ids, (std::vector<uint8_t>{3, 1, 1, 255, 2, 2}));
  // centres of 2 over 4: 1 and 3
  EXPECT_EQ(resize_labels(labels, 1, 2).ids, (std::vector<uint8_t>{1, 2}));
  EXPECT_EQ(resize_labels(labels, 2, 4).ids, (std::vector<uint8_t>{3, 1, 255, 2, 3, 1, 255, 2}));
}

TEST(Resize, RefusesEmptySides) {
  EXPECT_THROW(resize_image(picture(), 0, 3), Error);
  EXPECT_THROW(resize_labels(LabelMap(2, 2), 3, -1), Error);
  EXPECT_THROW(resize_labels(LabelMap(), 3, 3), Error);
}

}  // namespace
}  // namespace pixelgrad

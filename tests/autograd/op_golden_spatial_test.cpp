// Pooling, resizing, moving and padding pixels, and matrix products: numbers of PyTorch 2 in f64
// (the call stands above each; gradients are of dy = 1, 2, 3, ...), or by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "autograd/graph.h"
#include "autograd/ops.h"

namespace pixelgrad {
namespace {

using ::testing::DoubleNear;
using ::testing::Pointwise;

void expect_near(const Tensor& got, const std::vector<double>& expected) {
  EXPECT_THAT(got.to_doubles(), Pointwise(DoubleNear(1e-12), expected));
}

std::vector<double> counted(int64_t n, double first) {
  std::vector<double> values(static_cast<size_t>(n));
  std::iota(values.begin(), values.end(), first);
  return values;
}

/// One image of one channel.
Tensor image(int64_t height, int64_t width, const std::vector<double>& values) {
  return require_grad(Tensor::from({1, height, width, 1}, values));
}
/// first, first + 1, ... in reading order.
Tensor counting(int64_t height, int64_t width, double first = 1) {
  return image(height, width, counted(height * width, first));
}

/// y and, for dy = 1, 2, 3, ..., the gradient of x.
void expect_value_and_gradient(const Tensor& x, const Tensor& y, const std::vector<double>& value,
                               const std::vector<double>& gradient) {
  expect_near(y, value);
  backward(y, Tensor::from(y.shape(), counted(y.numel(), 1)));
  expect_near(grad(x), gradient);
}

const std::vector<double> image5x5 = {-3, 4, 0, 7,  3, -1, 6,  2, -2, 5,  1, -3, 4,
                                      0,  7, 3, -1, 6, 2,  -2, 5, 1,  -3, 4, 0};

// F.max_pool2d(x, 2, ceil_mode=True)
TEST(MaxPool, CeilMode) {
  const Tensor x = image(5, 5, image5x5);
  expect_value_and_gradient(
      x, max_pool2d(x, {.ceil_mode = true}), {6, 7, 5, 3, 6, 7, 5, 4, 0},
      {0, 0, 0, 2, 0, 0, 1, 0, 0, 3, 0, 0, 0, 0, 6, 4, 0, 5, 0, 0, 7, 0, 0, 8, 9});
}

// F.max_pool2d(x, 2, 3, 1, ceil_mode=True): a third window would begin in the padding behind.
TEST(MaxPool, CeilModeLeavesOutAWindowBehindTheImage) {
  const Tensor x = image(4, 4, {1, 5, 2, 7, 5, 3, 7, 7, 0, -1, 4, 4, 2, 2, 4, 3});
  const MaxPool2dSpec spec{.kernel_size = 2, .stride = 3, .padding = 1, .ceil_mode = true};
  expect_value_and_gradient(x, max_pool2d(x, spec), {1, 7, 2, 4},
                            {1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 4, 0, 3, 0, 0, 0});
}

// F.max_pool2d(ones(n, n), 3, 2, 1, ceil_mode=...): the pool behind a ResNet's stem
TEST(MaxPool, SizesOfAStem) {
  const auto size = [](int64_t n, bool ceil_mode) {
    return max_pool2d(Tensor::zeros({1, n, n, 1}, Dtype::f32),
                      {.kernel_size = 3, .stride = 2, .padding = 1, .ceil_mode = ceil_mode})
        .shape(1);
  };
  EXPECT_EQ(size(256, false), 128);
  EXPECT_EQ(size(257, false), 129);
  EXPECT_EQ(size(7, false), 4);
  EXPECT_EQ(size(8, false), 4);
  EXPECT_EQ(size(256, true), 129);
  EXPECT_EQ(size(257, true), 129);
  EXPECT_EQ(size(7, true), 4);
  EXPECT_EQ(size(8, true), 5);
}

// By hand: size 4, kernel 3, stride 2 takes one pixel, which is the one behind the image.
TEST(MaxPool, SamePaddingLiesBehind) {
  const Tensor x = image(1, 4, {1, 2, 3, 4});
  const MaxPool2dSpec spec{.kernel_size = 3, .stride = 2, .padding = Padding::same};
  expect_near(max_pool2d(x, spec), {3, 4});
  expect_near(
      avg_pool2d(
          x, {.kernel_size = 3, .stride = 2, .padding = Padding::same, .count_include_pad = false}),
      {2, 3.5});
}

// F.avg_pool2d(ones(6, 6), 3, 2, 1, ceil_mode=True): the divisor is 9, 6 or 4 with the padding, but
// not more than there is of it.
TEST(AvgPool, CeilModeCountsNothingBehindThePadding) {
  const Tensor x = image(6, 6, std::vector<double>(36, 1));
  const double t = 1.0 / 3;
  expect_near(avg_pool2d(x, {.kernel_size = 3, .stride = 2, .padding = 1, .ceil_mode = true}),
              {4.0 / 9, 2 * t, 2 * t, t, 2 * t, 1, 1, .5, 2 * t, 1, 1, .5, t, .5, .5, .25});
}

// F.avg_pool2d(arange(1, 10), 2, ceil_mode=True)
TEST(AvgPool, CeilMode) {
  const Tensor x = counting(3, 3);
  expect_value_and_gradient(x, avg_pool2d(x, {.ceil_mode = true}), {3, 4.5, 7.5, 9},
                            {.25, .25, 1, .25, .25, 1, 1.5, 1.5, 4});
}

// F.adaptive_avg_pool2d(arange(10), (1, 6)): bins [0,2) [1,4) [3,5) [5,7) [6,9) [8,10)
TEST(AdaptivePool, AverageOfOverlappingBins) {
  const Tensor x = counting(1, 10, 0);
  const double s = 1.0 / 6, t = 1.0 / 3;
  expect_value_and_gradient(x, adaptive_avg_pool2d(x, 1, 6), {.5, 2, 3.5, 5.5, 7, 8.5},
                            {.5, 1 + s, 2 * t, 2 + s, 1.5, 2, 3 + 2 * t, 1 + 2 * t, 4 + 2 * t, 3});
}

// F.adaptive_max_pool2d(arange(10), (1, 6))
TEST(AdaptivePool, LargestOfOverlappingBins) {
  const Tensor x = counting(1, 10, 0);
  expect_value_and_gradient(x, adaptive_max_pool2d(x, 1, 6), {1, 3, 4, 6, 8, 9},
                            {0, 1, 0, 2, 3, 0, 4, 0, 5, 6});
}

// F.adaptive_avg_pool2d([1, 10, 100], (5, 1))
TEST(AdaptivePool, MoreBinsThanPixels) {
  const Tensor x = image(3, 1, {1, 10, 100});
  expect_value_and_gradient(x, adaptive_avg_pool2d(x, 5, 1), {1, 5.5, 10, 55, 100}, {2, 6, 7});
}

// F.adaptive_avg_pool2d(x, (2, 3))
TEST(AdaptivePool, TwoByThree) {
  const Tensor x = image(5, 5, image5x5);
  expect_near(adaptive_avg_pool2d(x, 2, 3), {0.6666666666666666, 2, 3.3333333333333335, 1,
                                             1.1111111111111112, 1.8333333333333333});
}

// A mean over a million pixels of 0.1f: added up in f32 it would be off by 1%.
TEST(GlobalPool, KeepsItsDigits) {
  const Tensor y = global_avg_pool2d(Tensor::full({1, 1000, 1000, 1}, 0.1, Dtype::f32));
  EXPECT_EQ(y.shape(), (Shape{1, 1, 1, 1}));
  EXPECT_EQ(y.item(), 0.1F);
}

// F.interpolate(x, (4, 5), mode='bicubic')
TEST(Upsample, Bicubic) {
  const Tensor x = image(2, 3, {1, -2, 3, 4, 0, -1});
  expect_value_and_gradient(
      x, upsample(x, 4, 5, {.mode = UpsampleMode::bicubic}),
      {0.96146875,
       -0.8450468750000014,
       -2.2109375,
       1.0279374999999977,
       3.962625,
       1.9894375,
       0.16565624999999898,
       -1.546875,
       0.448875,
       2.44325,
       3.6825625,
       1.83034375,
       -0.453125,
       -0.5048749999999986,
       -0.05925,
       4.71053125,
       2.841046875,
       0.2109375,
       -1.0839374999999973,
       -1.578625},
      {11.509078125, 18.23175, 23.013078125, 45.698921875, 54.34425, 57.202921875});
}

// F.interpolate(x, (4, 5), mode='bicubic', align_corners=True)
TEST(Upsample, BicubicWithAlignedCorners) {
  const Tensor x = image(2, 3, {1, -2, 3, 4, 0, -1});
  expect_value_and_gradient(
      x, upsample(x, 4, 5, {.mode = UpsampleMode::bicubic, .align_corners = true}),
      {1,
       -0.96875,
       -2,
       0.21875,
       3,
       1.944444444444445,
       -0.004629629629629137,
       -1.3703703703703702,
       -0.1255787037037039,
       1.7407407407407405,
       3.0555555555555554,
       1.1296296296296295,
       -0.6296296296296293,
       -0.5306712962962963,
       0.25925925925925886,
       4,
       2.09375,
       0,
       -0.875,
       -1},
      {12.494791666666659, 27.50578703703702, 22.869791666666654, 36.192708333333336,
       64.36921296296296, 46.567708333333336});
}

// F.interpolate([1, 4, -2, 8, 3], 2, 3 or 1, mode='bicubic', align_corners=...)
TEST(Upsample, BicubicDown) {
  const auto row = [] { return image(1, 5, {1, 4, -2, 8, 3}); };
  Tensor x = row();
  expect_value_and_gradient(x, upsample(x, 1, 2, {.mode = UpsampleMode::bicubic}),
                            {3.953125, 7.921875},
                            {0.2265625, 0.87890625, -0.31640625, 1.7578125, 0.453125});
  const UpsampleSpec corners{.mode = UpsampleMode::bicubic, .align_corners = true};
  x = row();
  expect_value_and_gradient(x, upsample(x, 1, 3, corners), {1, -2, 3}, {1, 0, 2, 0, 3});
  x = row();
  expect_value_and_gradient(x, upsample(x, 1, 1, corners), {1}, {1, 0, 0, 0, 0});
}

// F.pixel_shuffle(arange(16).view(1, 8, 1, 2), 2), in PyTorch's own layout
TEST(PixelShuffle, HasPyTorchsOrderOfChannels) {
  const Tensor x = require_grad(Tensor::from({1, 8, 1, 2}, counted(16, 0)));
  const Tensor y = permute(pixel_shuffle(permute(x, {0, 2, 3, 1}), 2), {0, 3, 1, 2});
  EXPECT_EQ(y.shape(), (Shape{1, 2, 2, 4}));
  expect_value_and_gradient(x, y, {0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15},
                            {1, 3, 2, 4, 5, 7, 6, 8, 9, 11, 10, 12, 13, 15, 14, 16});
}

// F.pad(x, (2, 1, 1, 0), mode='reflect')
TEST(Pad, Reflect) {
  const Tensor x = counting(2, 3);
  expect_value_and_gradient(x, pad2d(x, {2, 1, 1, 0, PadMode::reflect}),
                            {6, 5, 4, 5, 6, 5, 3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5},
                            {9, 30, 18, 18, 60, 36});
}

// F.pad(x, (3, 1, 1, 2), mode='replicate')
TEST(Pad, Replicate) {
  const Tensor x = counting(2, 2);
  expect_value_and_gradient(
      x, pad2d(x, {3, 1, 1, 2, PadMode::replicate}),
      {1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 3, 3, 3, 3, 4, 4, 3, 3, 3, 3, 4, 4},
      {44, 34, 246, 141});
}

// F.pad(x, (3, -1, -2, 1), ...): pixels are cut off on the right and on top.
TEST(Pad, NegativeCutsOff) {
  Tensor x = counting(4, 4);
  expect_value_and_gradient(x,
                            pad2d(x, {.left = 3, .right = -1, .top = -2, .bottom = 1, .value = 7}),
                            {7, 7, 7, 9, 10, 11, 7, 7, 7, 13, 14, 15, 7, 7, 7, 7, 7, 7},
                            {0, 0, 0, 0, 0, 0, 0, 0, 4, 5, 6, 0, 10, 11, 12, 0});
  x = counting(4, 4);
  expect_value_and_gradient(x, pad2d(x, {3, -1, -2, 1, PadMode::reflect}),
                            {12, 11, 10, 9, 10, 11, 16, 15, 14, 13, 14, 15, 12, 11, 10, 9, 10, 11},
                            {0, 0, 0, 0, 0, 0, 0, 0, 20, 40, 40, 14, 10, 20, 20, 7});
  x = counting(4, 4);
  expect_value_and_gradient(x, pad2d(x, {3, -1, -2, 1, PadMode::replicate}),
                            {9, 9, 9, 9, 10, 11, 13, 13, 13, 13, 14, 15, 13, 13, 13, 13, 14, 15},
                            {0, 0, 0, 0, 0, 0, 0, 0, 10, 5, 6, 0, 92, 28, 30, 0});
  x = counting(1, 4);
  expect_value_and_gradient(x, pad2d(x, {.left = -3, .right = 3, .mode = PadMode::reflect}),
                            {4, 3, 2, 1}, {4, 3, 2, 1});
}

// F.conv2d(x, w, padding='same', dilation=...): even kernels, so one side has a pixel more
TEST(Conv2dSame, HasTheOddPixelBehind) {
  Tensor x = counting(2, 3);
  const Conv2dSpec same{.padding = Padding::same};
  expect_value_and_gradient(x, conv2d(x, image(2, 2, {1, 2, 3, 4}), {}, same),
                            {37, 47, 21, 14, 17, 6}, {1, 4, 7, 7, 23, 33});
  x = counting(1, 5);
  const Tensor w = image(1, 4, {1, 10, 100, 1000});
  expect_value_and_gradient(x, conv2d(x, w, {}, same), {3210, 4321, 5432, 543, 54},
                            {12, 123, 1234, 2345, 3450});
  x = counting(1, 5);
  expect_value_and_gradient(x, conv2d(x, w, {}, {.padding = Padding::same, .dilation = 2}),
                            {4200, 5310, 420, 531, 42}, {24, 135, 240, 1350, 2400});
}

// By hand, TensorFlow's rule: ceil(4 / 2) = 2 windows of 3 take one pixel, the one behind the
// image; ceil(5 / 2) = 3 of them take two, one on either side. The transpose doubles the size.
TEST(Conv2dSame, WithStride) {
  const Tensor w = image(1, 3, {1, 10, 100});
  const Conv2dSpec spec{.stride = 2, .padding = Padding::same};
  expect_near(conv2d(counting(1, 4), w, {}, spec), {321, 43});
  expect_near(conv2d(counting(1, 5), w, {}, spec), {210, 432, 54});
  expect_near(conv_transpose2d(image(1, 2, {1, 2}), w, {}, {.stride = 2, .padding = Padding::same}),
              {1, 10, 102, 20, 0, 0, 0, 0});
}

// a @ b
TEST(Matmul, Batch) {
  const Tensor a = require_grad(Tensor::from<double>({2, 2, 3}, {1, 2, 3, 4, 5, 6,  //
                                                                 0, -1, 2, 1, 1, 1}));
  const Tensor b = require_grad(Tensor::from<double>({2, 3, 2}, {1, 0, 2, -1, 0, 3,  //
                                                                 1, 2, 3, 4, 5, 6}));
  expect_value_and_gradient(a, matmul(a, b), {5, 7, 14, 13, 7, 8, 9, 12},
                            {1, 0, 6, 3, 2, 12, 17, 39, 61, 23, 53, 83});
  expect_near(grad(b), {13, 18, 17, 24, 21, 30, 7, 8, 2, 2, 17, 20});
}

// F.linear(x, w, b).backward([[1, 2], [3, -1]])
TEST(Linear, ValuesAndGradients) {
  const Tensor x = require_grad(Tensor::from<double>({2, 3}, {1, 2, 3, -1, 0, 2}));
  const Tensor w = require_grad(Tensor::from<double>({2, 3}, {1, 0, -1, 2, 1, .5}));
  const Tensor b = require_grad(Tensor::from<double>({2}, {10, -1}));
  const Tensor y = linear(x, w, b);
  expect_near(y, {8, 4.5, 7, -2});
  backward(y, Tensor::from<double>({2, 2}, {1, 2, 3, -1}));
  expect_near(grad(x), {5, 2, 0, 1, -1, -3.5});
  expect_near(grad(w), {-2, 2, 9, 3, 4, 4});
  expect_near(grad(b), {4, 1});
}

// Nothing in, nothing out; the gradient of a weight that met no row is 0.
TEST(Linear, OfNoRows) {
  const Tensor x = require_grad(Tensor::empty({0, 3}, Dtype::f64));
  const Tensor w = require_grad(Tensor::from<double>({2, 3}, {1, 0, -1, 2, 1, .5}));
  const Tensor y = linear(x, w);
  EXPECT_EQ(y.shape(), (Shape{0, 2}));
  backward(y, Tensor::empty({0, 2}, Dtype::f64));
  expect_near(grad(w), {0, 0, 0, 0, 0, 0});
}

}  // namespace
}  // namespace pixelgrad

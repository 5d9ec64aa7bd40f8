#pragma once
#include <ostream>
#include <string>
#include <vector>

#include "tensor/check.h"
#include "tensor/kernels/conv2d.h"
#include "tensor/random.h"
#include "tests/reference/naive_conv2d.h"

// Shapes and data for the tests of the convolution.
namespace pixelgrad::reference {

/// One line that says which convolution failed, fit to be pasted into a test.
inline void PrintTo(const NaiveConv2d& c, std::ostream* out) {
  *out << str(
      "{.n = ", c.n, ", .in_h = ", c.in_h, ", .in_w = ", c.in_w, ", .in_channels = ", c.in_channels,
      ", .out_channels = ", c.out_channels, ", .kernel_h = ", c.kernel_h,
      ", .kernel_w = ", c.kernel_w, ", .stride_h = ", c.stride_h, ", .stride_w = ", c.stride_w,
      ", .pad_top = ", c.pad_top, ", .pad_left = ", c.pad_left, ", .pad_bottom = ", c.pad_bottom,
      ", .pad_right = ", c.pad_right, ", .dilation_h = ", c.dilation_h,
      ", .dilation_w = ", c.dilation_w, ", .groups = ", c.groups, "}");
}

inline std::string describe(const NaiveConv2d& c) {
  std::ostringstream out;
  PrintTo(c, &out);
  return out.str();
}

inline kernels::Conv2dGeometry geometry(const NaiveConv2d& c) {
  return {.n = c.n,
          .in_h = c.in_h,
          .in_w = c.in_w,
          .in_channels = c.in_channels,
          .out_h = c.out_h(),
          .out_w = c.out_w(),
          .out_channels = c.out_channels,
          .kernel_h = c.kernel_h,
          .kernel_w = c.kernel_w,
          .stride_h = c.stride_h,
          .stride_w = c.stride_w,
          .pad_top = c.pad_top,
          .pad_left = c.pad_left,
          .dilation_h = c.dilation_h,
          .dilation_w = c.dilation_w,
          .groups = c.groups};
}

/// Whole numbers in [-4, 4]: sums of less than 2^24 / 16 products are exact in f32, in any order.
template <class T>
std::vector<T> integers(int64_t size, uint64_t seed) {
  Random random({.seed = seed, .stream = stream_of("integers")});
  std::vector<T> values(size);
  for (T& v : values) v = static_cast<T>(random.below(9)) - 4;
  return values;
}

template <class T>
std::vector<T> normals(int64_t size, uint64_t seed) {
  Random random({.seed = seed, .stream = stream_of("normals")});
  std::vector<T> values(size);
  for (T& v : values) v = static_cast<T>(random.normal());
  return values;
}

/// A random convolution of few operations; the lists are where kernels change their way.
inline NaiveConv2d random_case(Random& random) {
  const auto pick = [&](std::initializer_list<int64_t> list) {
    return *(list.begin() + random.below(static_cast<int64_t>(list.size())));
  };
  for (;;) {
    NaiveConv2d c;
    c.n = pick({1, 1, 2, 3});
    c.in_h = pick({1, 2, 3, 4, 5, 7, 8, 11});
    c.in_w = pick({1, 2, 3, 4, 6, 7, 13, 17, 30, 45});
    c.kernel_h = c.kernel_w = pick({1, 2, 3, 3, 3, 3, 4, 5, 6, 7});
    c.dilation_h = c.dilation_w = pick({1, 1, 1, 2, 3, 12});
    c.stride_h = c.stride_w = pick({1, 1, 1, 2, 2, 3});
    const int64_t reach = c.dilation_h * (c.kernel_h - 1);
    c.pad_top = c.pad_left = c.pad_bottom = c.pad_right = pick({0, reach / 2, reach / 2, reach});
    if (random.chance(0.3)) {  // nothing square
      c.kernel_h = pick({1, 2, 3});
      c.dilation_h = pick({1, 2});
      c.stride_h = pick({1, 2, 3});
      c.pad_top = random.below(3);
      c.pad_bottom = random.below(3);
      c.pad_left = random.below(4);
    }
    const auto channels = [&] {
      return random.chance(0.5) ? 1 + random.below(70)
                                : pick({1, 2, 3, 8, 16, 17, 33, 64, 65, 130});
    };
    c.in_channels = channels();
    c.out_channels = channels();
    switch (random.below(6)) {
      case 0:  // groups
        c.groups = pick({2, 3, 4});
        c.in_channels = c.groups * pick({1, 2, 5, 16});
        c.out_channels = c.groups * pick({1, 2, 3, 17});
        break;
      case 1:  // depthwise
        c.groups = c.in_channels = c.out_channels = pick({2, 3, 8, 16, 17, 33, 64});
        break;
      default:
        break;
    }
    if (c.dilation_h * (c.kernel_h - 1) + 1 > c.in_h + c.pad_top + c.pad_bottom) continue;
    if (c.dilation_w * (c.kernel_w - 1) + 1 > c.in_w + c.pad_left + c.pad_right) continue;
    if (c.y_size() * c.kernel_h * c.kernel_w * c.group_in() > 3'000'000) continue;
    return c;
  }
}

/// 3x3, stride 1, as large as its input.
inline NaiveConv2d square_case(int64_t n, int64_t h, int64_t w, int64_t in, int64_t out) {
  return {.n = n,
          .in_h = h,
          .in_w = w,
          .in_channels = in,
          .out_channels = out,
          .kernel_h = 3,
          .kernel_w = 3,
          .pad_top = 1,
          .pad_left = 1,
          .pad_bottom = 1,
          .pad_right = 1};
}

/// Shapes that take each way through the kernels, at sizes where strips, blocks and parts occur.
inline std::vector<NaiveConv2d> larger_cases() {
  return {
      {.n = 2,
       .in_h = 20,
       .in_w = 24,
       .in_channels = 16,
       .out_channels = 16,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1},
      {.n = 1,
       .in_h = 33,
       .in_w = 130,
       .in_channels = 3,
       .out_channels = 17,
       .kernel_h = 3,
       .kernel_w = 3,
       .stride_h = 2,
       .stride_w = 2,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1},
      // Input channels in several blocks; small maps whose tiles run over the ends of rows.
      {.n = 3,
       .in_h = 4,
       .in_w = 4,
       .in_channels = 150,
       .out_channels = 40,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1},
      {.n = 2,
       .in_h = 15,
       .in_w = 15,
       .in_channels = 70,
       .out_channels = 21,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 6,
       .pad_left = 6,
       .pad_bottom = 6,
       .pad_right = 6,
       .dilation_h = 6,
       .dilation_w = 6},
      {.n = 2, .in_h = 16, .in_w = 16, .in_channels = 300, .out_channels = 10},
      {.n = 2,
       .in_h = 17,
       .in_w = 19,
       .in_channels = 12,
       .out_channels = 20,
       .kernel_h = 7,
       .kernel_w = 7,
       .stride_h = 2,
       .stride_w = 2,
       .pad_top = 3,
       .pad_left = 3,
       .pad_bottom = 3,
       .pad_right = 3},
      // Rows long enough to be cut into pieces, dense and pointwise.
      {.n = 1,
       .in_h = 3,
       .in_w = 700,
       .in_channels = 5,
       .out_channels = 18,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1},
      {.n = 3, .in_h = 24, .in_w = 25, .in_channels = 90, .out_channels = 34},
      // The transposed convolution of a decoder; its stride leaves pixels that no tap reaches.
      {.n = 2,
       .in_h = 16,
       .in_w = 20,
       .in_channels = 24,
       .out_channels = 32,
       .kernel_h = 2,
       .kernel_w = 2,
       .stride_h = 2,
       .stride_w = 2},
      {.n = 2,
       .in_h = 13,
       .in_w = 14,
       .in_channels = 9,
       .out_channels = 6,
       .kernel_h = 2,
       .kernel_w = 2,
       .stride_h = 3,
       .stride_w = 3},
      {.n = 2,
       .in_h = 21,
       .in_w = 30,
       .in_channels = 40,
       .out_channels = 40,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 2,
       .pad_left = 2,
       .pad_bottom = 2,
       .pad_right = 2,
       .dilation_h = 2,
       .dilation_w = 2,
       .groups = 40},
      {.n = 1,
       .in_h = 18,
       .in_w = 22,
       .in_channels = 36,
       .out_channels = 72,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1,
       .groups = 4},
  };
}

}  // namespace pixelgrad::reference

#pragma once
// What the tests of the CUDA backend's convolutions share.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tensor/kernels/conv2d.h"
#include "tests/cuda/device.h"
#include "tests/tensor/conv2d_cases.h"

namespace pixelgrad::device_conv2d {

using kernels::Precision;
using reference::describe;
using reference::geometry;
using reference::integers;
using reference::NaiveConv2d;
using reference::normals;

/// The cases of the CPU's tests, and those where a GPU's kernels change their way: more columns
/// than a tile, channels of 8 and not, sums in parts, strides that skip taps or phases, kernels
/// reaching beyond the image.
inline std::vector<NaiveConv2d> cases() {
  struct Shape {
    int64_t n, size, in, out, kernel, stride, pad, dilation, groups = 1;
  };
  std::vector<NaiveConv2d> all = reference::larger_cases();
  for (const Shape& s : std::initializer_list<Shape>{{1, 30, 3, 64, 7, 2, 3, 1},
                                                     {2, 9, 64, 64, 3, 1, 36, 36},
                                                     {1, 12, 64, 132, 3, 2, 1, 1},
                                                     {1, 12, 64, 136, 3, 2, 1, 1},
                                                     {3, 5, 34, 17, 3, 3, 1, 2},
                                                     {1, 1, 512, 256, 1, 1, 0, 1},
                                                     {2, 14, 32, 64, 3, 2, 1, 1, 4},
                                                     {1, 9, 1, 1, 3, 2, 1, 1},
                                                     {1, 32, 21, 21, 4, 2, 1, 1},
                                                     {1, 21, 4, 8, 4, 6, 2, 4},
                                                     {1, 7, 8, 8, 1, 3, 0, 1},
                                                     {1, 20, 24, 24, 5, 2, 2, 1, 24}})
    all.push_back({.n = s.n,
                   .in_h = s.size,
                   .in_w = s.size + 1,
                   .in_channels = s.in,
                   .out_channels = s.out,
                   .kernel_h = s.kernel,
                   .kernel_w = s.kernel,
                   .stride_h = s.stride,
                   .stride_w = s.stride,
                   .pad_top = s.pad,
                   .pad_left = s.pad,
                   .pad_bottom = s.pad,
                   .pad_right = s.pad,
                   .dilation_h = s.dilation,
                   .dilation_w = s.dilation,
                   .groups = s.groups});
  Random random({.seed = 12, .stream = stream_of("device_conv2d")});
  for (int i = 0; i < 20; ++i) all.push_back(reference::random_case(random));
  return all;
}

template <class T>
Tensor on_device(const std::vector<T>& values) {
  return Tensor::from<T>({static_cast<int64_t>(values.size())}, values).to(Device::cuda);
}

template <class T>
Tensor garbage(int64_t size) {
  return Tensor::full({size}, std::numeric_limits<T>::quiet_NaN(), dtype_of<T>, Device::cuda);
}

template <class T>
std::vector<T> values(const Tensor& x) {
  const Tensor host = x.to(Device::cpu);
  return {host.data<T>(), host.data<T>() + host.numel()};
}

template <class T>
std::vector<T> forward(const NaiveConv2d& c, const std::vector<T>& x, const std::vector<T>& w,
                       const std::vector<T>& bias = {}) {
  const Tensor dx = on_device(x), dw = on_device(w), db = on_device(bias);
  Tensor y = garbage<T>(c.y_size());
  kernels::conv2d_forward<Device::cuda, T>(geometry(c), dx.data<T>(), dw.data<T>(),
                                           bias.empty() ? nullptr : db.data<T>(),
                                           y.mutable_data<T>());
  return values<T>(y);
}

template <class T>
std::vector<T> backward_input(const NaiveConv2d& c, const std::vector<T>& dy,
                              const std::vector<T>& w, const std::vector<T>& bias = {}) {
  const Tensor ddy = on_device(dy), dw = on_device(w), db = on_device(bias);
  Tensor dx = garbage<T>(c.x_size());
  kernels::conv2d_backward_input<Device::cuda, T>(geometry(c), ddy.data<T>(), dw.data<T>(),
                                                  bias.empty() ? nullptr : db.data<T>(),
                                                  dx.mutable_data<T>());
  return values<T>(dx);
}

template <class T>
std::vector<T> backward_weight(const NaiveConv2d& c, const std::vector<T>& x,
                               const std::vector<T>& dy) {
  const Tensor dx = on_device(x), ddy = on_device(dy);
  Tensor dw = garbage<T>(c.weight_size());
  kernels::conv2d_backward_weight<Device::cuda, T>(geometry(c), dx.data<T>(), ddy.data<T>(),
                                                   dw.mutable_data<T>());
  return values<T>(dw);
}

/// Sums of whole numbers leave nothing to rounding.
template <class T>
void expect_exact(const NaiveConv2d& c) {
  SCOPED_TRACE(describe(c));
  const auto x = integers<T>(c.x_size(), 1), w = integers<T>(c.weight_size(), 2);
  const auto dy = integers<T>(c.y_size(), 3);
  const auto bias = integers<T>(c.out_channels, 4), x_bias = integers<T>(c.in_channels, 5);
  EXPECT_TRUE(forward(c, x, w, bias) == naive_forward(c, x, w, bias));
  EXPECT_TRUE(backward_input(c, dy, w, x_bias) == naive_backward_input(c, dy, w, x_bias));
  EXPECT_TRUE(backward_weight(c, x, dy) == naive_backward_weight(c, x, dy));
}

/// x with so many bits of mantissa, the leading one among them.
inline std::vector<float> rounded(std::vector<float> x, int bits) {
  for (float& v : x) {
    int exponent = 0;
    const float mantissa = std::frexp(v, &exponent);
    v = std::ldexp(std::nearbyint(std::ldexp(mantissa, bits)), exponent - bits);
  }
  return x;
}

inline double relative_error(const std::vector<float>& a, const std::vector<double>& b) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return std::sqrt(difference / norm);
}

/// The multiplicands are rounded, and nothing else is: by `most` times what is to be expected.
inline void expect_rounding(const NaiveConv2d& c, Precision precision, double most = 1) {
  const int bits = precision == Precision::tf32 ? 11 : precision == Precision::bf16 ? 8 : 24;
  const double unit = std::ldexp(1.0, -bits);  // the largest error of one number
  const auto expect = [&](const std::vector<float>& x, const std::vector<float>& w,
                          const std::vector<float>& dy, double least, double greatest) {
    const std::vector<double> x64(x.begin(), x.end()), w64(w.begin(), w.end()),
        dy64(dy.begin(), dy.end());
    for (const double error :
         {relative_error(forward(c, x, w), naive_forward(c, x64, w64)),
          relative_error(backward_input(c, dy, w), naive_backward_input(c, dy64, w64)),
          relative_error(backward_weight(c, x, dy), naive_backward_weight(c, x64, dy64))}) {
      EXPECT_GE(error, least);
      EXPECT_LE(error, greatest);
    }
  };
  const auto x = normals<float>(c.x_size(), 1), w = normals<float>(c.weight_size(), 2);
  const auto dy = normals<float>(c.y_size(), 3);
#ifndef PIXELGRAD_CUDA_EMULATED
  if (bits < 24) {
    const auto y = forward(c, x, w);
    kernels::set_precision(Precision::f32);
    if (forward(c, x, w) == y) GTEST_SKIP() << "this GPU has no tensor cores for it";
    kernels::set_precision(precision);
  }
#endif
  expect(rounded(x, bits), rounded(w, bits), rounded(dy, bits), 0, 1e-6);
  if (bits < 24) expect(x, w, dy, 0.2 * unit, most * unit);
}

}  // namespace pixelgrad::device_conv2d

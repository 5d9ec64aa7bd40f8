#pragma once
#include <cstdint>

#include "tensor/device.h"

// Pooling over square windows. Tap (r, s) of output pixel (oy, ox) is the input pixel
// (oy * stride - padding + r * dilation, ox * stride - padding + s * dilation); its code in an
// argmax is r * kernel + s.
namespace pixelgrad::kernels {

/// x [n, in_h, in_w, channels], y [n, out_h, out_w, channels].
struct Pool2dGeometry {
  int64_t n = 1, in_h = 1, in_w = 1, channels = 1;
  int64_t out_h = 1, out_w = 1;
  int64_t kernel = 2, stride = 2, padding = 0, dilation = 1;
};

/// Output pixels along an axis of `in` input pixels; less than 1 when no window fits.
PIXELGRAD_HD constexpr int64_t pool_output_size(int64_t in, int64_t kernel, int64_t stride,
                                                int64_t padding, int64_t dilation) {
  const int64_t room = in + 2 * padding - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

/// The taps [begin, end) of one output coordinate that lie inside the image; empty where none does.
struct PoolTaps {
  int64_t start;  ///< input coordinate of tap 0, negative in the padding
  int64_t begin, end;
  PIXELGRAD_HD constexpr int64_t count() const { return end - begin; }
};

PIXELGRAD_HD constexpr PoolTaps pool_taps(const Pool2dGeometry& g, int64_t out, int64_t in_size) {
  const int64_t start = out * g.stride - g.padding;
  const int64_t begin = start < 0 ? (-start + g.dilation - 1) / g.dilation : 0;
  const int64_t room = in_size - start;  // taps r with r * dilation < room are inside
  int64_t end = room <= 0 ? 0 : (room + g.dilation - 1) / g.dilation;
  if (end > g.kernel) end = g.kernel;
  return {start, begin, end < begin ? begin : end};
}

/// The output coordinates [begin, end) whose window may read input coordinate `in`. With dilation
/// some of them may not: tap r must be a whole number (see pool_tap_of).
struct PoolReaders {
  int64_t begin, end;
};

PIXELGRAD_HD constexpr PoolReaders pool_readers(const Pool2dGeometry& g, int64_t in,
                                                int64_t out_size) {
  const int64_t last = in + g.padding;  // the window that starts at `in`
  const int64_t first = last - g.dilation * (g.kernel - 1);
  const int64_t begin = first <= 0 ? 0 : (first + g.stride - 1) / g.stride;
  const int64_t end = last / g.stride + 1;
  return {begin, end < out_size ? end : out_size};
}

/// The tap of output coordinate `out` that reads input coordinate `in`, or -1.
PIXELGRAD_HD constexpr int64_t pool_tap_of(const Pool2dGeometry& g, int64_t in, int64_t out) {
  const int64_t offset = in - (out * g.stride - g.padding);
  return offset % g.dilation == 0 ? offset / g.dilation : -1;
}

/// y = the largest value of each window, argmax = the code of its tap: the first of equals, the
/// last NaN where there is one. A window without a pixel of the image gives -infinity. argmax may
/// be null; Index is uint8_t where kernel * kernel <= 256, else int32_t.
template <Device D, class T, class Index>
void max_pool2d_forward(const Pool2dGeometry& g, const T* x, T* y, Index* argmax);

/// dx = the sum of dy over the windows that took their value from the pixel. Overwrites dx.
template <Device D, class T, class Index>
void max_pool2d_backward(const Pool2dGeometry& g, const T* dy, const Index* argmax, T* dx);

/// y = sum of the window's pixels inside the image / divisor; the divisor counts the padding where
/// count_include_pad is set, else the pixels summed. Dilation must be 1.
template <Device D, class T>
void avg_pool2d_forward(const Pool2dGeometry& g, bool count_include_pad, const T* x, T* y);

/// dx = sum over the windows that hold the pixel of dy / divisor. Overwrites dx.
template <Device D, class T>
void avg_pool2d_backward(const Pool2dGeometry& g, bool count_include_pad, const T* dy, T* dx);

}  // namespace pixelgrad::kernels

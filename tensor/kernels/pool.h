#pragma once
#include <cstdint>

#include "tensor/device.h"
#include "tensor/mutant_internal.h"

// Pooling over windows: a square kernel that slides over the padded image, or the bins of adaptive
// pooling, of which global pooling is the case of one. Both axes are alike, so all arithmetic is
// about one axis.
namespace pixelgrad::kernels {

/// Which input coordinates each output coordinate of an axis looks at.
struct PoolAxis {
  int64_t in = 1, out = 1;
  int64_t kernel = 1;  ///< taps of a window; of bins, the pixels of the largest
  int64_t stride = 1, dilation = 1;
  int64_t pad_before = 0, pad_after = 0;
  bool adaptive = false;  ///< windows are bins; stride, dilation and padding do not count
};

/// x [n, h.in, w.in, channels], y [n, h.out, w.out, channels]. Tap (r, s) of a window has the code
/// r * w.kernel + s in an argmax.
struct Pool2dGeometry {
  int64_t n = 1, channels = 1;
  PoolAxis h, w;
};

/// Output coordinates of a sliding window; less than 1 when none fits. Windows must end inside the
/// padded axis. In ceil_mode the last may run over it, as long as it begins inside the image or the
/// padding before it (PyTorch's rule).
PIXELGRAD_HD inline int64_t pool_output_size(const PoolAxis& a, bool ceil_mode) {
  const int64_t window = a.dilation * (a.kernel - 1) + 1;
  const int64_t room = a.in + a.pad_before + a.pad_after - window + (ceil_mode ? a.stride - 1 : 0);
  if (room < 0) return 0;
  const int64_t out = room / a.stride + 1;
  const bool beyond = ceil_mode && (out - 1) * a.stride >= a.in + a.pad_before;
  return PIXELGRAD_MUTANT(pool_ceil_mode_window_beyond_the_image, beyond, false) ? out - 1 : out;
}

/// The taps [begin, end) of one output coordinate that lie inside the image; empty where none does.
struct PoolTaps {
  int64_t start;  ///< input coordinate of tap 0, negative in the padding
  int64_t begin, end;
  PIXELGRAD_HD int64_t count() const { return end - begin; }
};

/// Of bin `out` these are the pixels [floor(out in / out_size), ceil((out + 1) in / out_size)).
PIXELGRAD_HD inline PoolTaps pool_taps(const PoolAxis& a, int64_t out) {
  if (a.adaptive) {
    const int64_t start = out * a.in / a.out;
    const int64_t round_up = PIXELGRAD_MUTANT(adaptive_pool_bin_end_rounded_down, a.out - 1, 0);
    return {start, 0, ((out + 1) * a.in + round_up) / a.out - start};
  }
  const int64_t start = out * a.stride - a.pad_before;
  const int64_t begin = start < 0 ? (-start + a.dilation - 1) / a.dilation : 0;
  const int64_t room = a.in - start;  // taps r with r * dilation < room are inside
  int64_t end = room <= 0 ? 0 : (room + a.dilation - 1) / a.dilation;
  if (end > a.kernel) end = a.kernel;
  return {start, begin, end < begin ? begin : end};
}

/// The input coordinate that a tap reads.
PIXELGRAD_HD inline int64_t pool_input(const PoolAxis& a, const PoolTaps& taps, int64_t tap) {
  return taps.start + tap * PIXELGRAD_MUTANT(max_pool_without_dilation, a.dilation, 1);
}

/// The output coordinates [begin, end) whose window may read input coordinate `in`. With dilation
/// some of them may not: tap r must be a whole number (see pool_tap_of).
struct PoolReaders {
  int64_t begin, end;
};

PIXELGRAD_HD inline PoolReaders pool_readers(const PoolAxis& a, int64_t in) {
  // Bin o holds `in` when o in_size < (in + 1) out_size and (o + 1) in_size > in out_size: the
  // readers of a pixel are the bins of the way back.
  if (a.adaptive) {
    const int64_t round_up = PIXELGRAD_MUTANT(adaptive_pool_backward_bins_apart, a.in - 1, 0);
    return {in * a.out / a.in, ((in + 1) * a.out + round_up) / a.in};
  }
  const int64_t last = in + a.pad_before;  // the window that starts at `in`
  const int64_t first = last - a.dilation * (a.kernel - 1);
  const int64_t begin = first <= 0 ? 0 : (first + a.stride - 1) / a.stride;
  const int64_t end = last / a.stride + PIXELGRAD_MUTANT(pool_backward_last_window_lost, 1, 0);
  return {begin, end < a.out ? end : a.out};
}

/// The tap of output coordinate `out` that reads input coordinate `in`, or -1.
PIXELGRAD_HD inline int64_t pool_tap_of(const PoolAxis& a, int64_t in, int64_t out) {
  const int64_t offset = in - pool_taps(a, out).start;
  return offset % a.dilation == 0 ? offset / a.dilation : -1;
}

/// The pixels that an average divides by, along one axis: those inside the image, or with the
/// padding, but never what lies beyond it. Dilation must be 1.
PIXELGRAD_HD inline int64_t pool_divisor(const PoolAxis& a, const PoolTaps& taps,
                                         bool count_include_pad) {
  if (a.adaptive || !count_include_pad) return taps.count();
  const int64_t end = taps.start + a.kernel, padded = a.in + a.pad_after;
  const bool within =
      PIXELGRAD_MUTANT(avg_pool_ceil_mode_counts_beyond_the_padding, end < padded, true);
  return (within ? end : padded) - taps.start;
}

/// y = the largest value of each window, argmax = the code of its tap: the first of equals, the
/// last NaN where there is one. A window without a pixel of the image gives -infinity. argmax may
/// be null; Index is uint8_t where h.kernel * w.kernel <= 256, else int32_t.
template <Device D, class T, class Index>
void max_pool2d_forward(const Pool2dGeometry& g, const T* x, T* y, Index* argmax);

/// dx = the sum of dy over the windows that took their value from the pixel. Overwrites dx.
template <Device D, class T, class Index>
void max_pool2d_backward(const Pool2dGeometry& g, const T* dy, const Index* argmax, T* dx);

/// y = sum of the window's pixels inside the image / (pool_divisor of both axes).
template <Device D, class T>
void avg_pool2d_forward(const Pool2dGeometry& g, bool count_include_pad, const T* x, T* y);

/// dx = sum over the windows that hold the pixel of dy / divisor. Overwrites dx.
template <Device D, class T>
void avg_pool2d_backward(const Pool2dGeometry& g, bool count_include_pad, const T* dy, T* dx);

}  // namespace pixelgrad::kernels

#pragma once
#include <cstdint>

#include "tensor/device.h"

namespace pixelgrad::kernels {

/// x [n, in_h, in_w, channels], y [n, out_h, out_w, channels]; up, down or a mixture.
struct UpsampleGeometry {
  int64_t n = 1, in_h = 1, in_w = 1, channels = 1;
  int64_t out_h = 1, out_w = 1;
};

/// The input coordinate that output coordinate `out` copies: floor(out * in_size / out_size).
PIXELGRAD_HD constexpr int64_t nearest_source(int64_t out, int64_t in_size, int64_t out_size) {
  return out * in_size / out_size;
}

/// Output coordinate = (1 - weight) * x[low] + weight * x[high].
struct LinearSource {
  int64_t low, high;
  double weight;
};

/// Where linear interpolation reads. align_corners maps the first and last pixel centres onto each
/// other; without it pixel edges are mapped: source = (out + 1/2) in_size / out_size - 1/2, not
/// below 0. There is no antialiasing when the size shrinks.
PIXELGRAD_HD constexpr LinearSource linear_source(int64_t out, int64_t in_size, int64_t out_size,
                                                  bool align_corners) {
  double at = 0;
  if (align_corners) {
    if (out_size > 1)
      at = static_cast<double>(out * (in_size - 1)) / static_cast<double>(out_size - 1);
  } else {
    at = (static_cast<double>(out) + 0.5) * static_cast<double>(in_size) /
             static_cast<double>(out_size) -
         0.5;
    if (at < 0) at = 0;
  }
  int64_t low = static_cast<int64_t>(at);
  if (low > in_size - 1) low = in_size - 1;
  const int64_t high = low + 1 < in_size ? low + 1 : low;
  return {low, high, high > low ? at - static_cast<double>(low) : 0};
}

/// Each output pixel is a copy of an input pixel.
template <Device D, class T>
void upsample_nearest_forward(const UpsampleGeometry& g, const T* x, T* y);

/// dx = the sum of dy over the output pixels that copy the pixel. Overwrites dx.
template <Device D, class T>
void upsample_nearest_backward(const UpsampleGeometry& g, const T* dy, T* dx);

/// Each output pixel is a weighted mean of the four input pixels around its source.
template <Device D, class T>
void upsample_bilinear_forward(const UpsampleGeometry& g, bool align_corners, const T* x, T* y);

/// The transpose of the forward: every input pixel gathers from the outputs that read it, so there
/// is nothing to race for. Overwrites dx.
template <Device D, class T>
void upsample_bilinear_backward(const UpsampleGeometry& g, bool align_corners, const T* dy, T* dx);

}  // namespace pixelgrad::kernels

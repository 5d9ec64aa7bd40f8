#pragma once
#include <cstdint>

#include "tensor/device.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad::kernels {

/// x [n, in_h, in_w, channels], y [n, out_h, out_w, channels]; up, down or a mixture.
struct UpsampleGeometry {
  int64_t n = 1, in_h = 1, in_w = 1, channels = 1;
  int64_t out_h = 1, out_w = 1;
};

/// The input coordinate that output coordinate `out` copies: floor(out * in_size / out_size).
PIXELGRAD_HD inline int64_t nearest_source(int64_t out, int64_t in_size, int64_t out_size) {
  return PIXELGRAD_MUTANT(upsample_nearest_to_the_centre, out * in_size / out_size,
                          (2 * out + 1) * in_size / (2 * out_size));
}

/// Where output coordinate `out` lies among the input's. align_corners maps the first and last
/// pixel centres onto each other; without it pixel edges are mapped: (out + 1/2) in_size / out_size
/// - 1/2, which may be below 0. There is no antialiasing when the size shrinks.
PIXELGRAD_HD inline double source_position(int64_t out, int64_t in_size, int64_t out_size,
                                           bool align_corners) {
  if (PIXELGRAD_MUTANT(upsample_align_corners_swapped, align_corners, !align_corners))
    return out_size > 1
               ? static_cast<double>(out * (in_size - 1)) / static_cast<double>(out_size - 1)
               : 0;
  const double half = PIXELGRAD_MUTANT(upsample_without_half_pixels, 0.5, 0.0);
  return (static_cast<double>(out) + half) * static_cast<double>(in_size) /
             static_cast<double>(out_size) -
         half;
}

/// Output coordinate = (1 - weight) * x[low] + weight * x[high].
struct LinearSource {
  int64_t low, high;
  double weight;
};

/// Where linear interpolation reads; positions below 0 count as 0.
PIXELGRAD_HD inline LinearSource linear_source(int64_t out, int64_t in_size, int64_t out_size,
                                               bool align_corners) {
  double at = source_position(out, in_size, out_size, align_corners);
  if (at < PIXELGRAD_MUTANT(upsample_bilinear_extrapolates, 0.0, -1.0)) at = 0;
  int64_t low = static_cast<int64_t>(at);
  if (low > in_size - 1) low = in_size - 1;
  const int64_t high = low + 1 < in_size ? low + 1 : low;
  return {low, high, high > low ? at - static_cast<double>(low) : 0};
}

/// Output coordinate = sum of weight[k] * x[in[k]].
struct CubicSource {
  int64_t in[4];
  double weight[4];
};

/// Where cubic convolution reads (Keys 1981, "Cubic convolution interpolation for digital image
/// processing", with PyTorch's a = -3/4): the four pixels around the position, which may lie
/// outside of the image, where the pixels of the edge are repeated.
PIXELGRAD_HD inline CubicSource cubic_source(int64_t out, int64_t in_size, int64_t out_size,
                                             bool align_corners) {
  const double a = PIXELGRAD_MUTANT(upsample_bicubic_with_a_half, -0.75, -0.5);
  double at = source_position(out, in_size, out_size, align_corners);
  if (PIXELGRAD_MUTANT(upsample_bicubic_clamps_the_position, false, at < 0)) at = 0;
  int64_t low = static_cast<int64_t>(at);
  if (static_cast<double>(low) > at) --low;  // floor
  const double t = at - static_cast<double>(low);
  const auto near = [a](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };       // d <= 1
  const auto far = [a](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };  // d >= 1
  CubicSource source{{}, {far(1 + t), near(t), near(1 - t), far(2 - t)}};
  for (int64_t k = 0; k < 4; ++k) {
    const int64_t i = low - 1 + k;
    source.in[k] = i < 0 ? 0 : i < in_size ? i : in_size - 1;
  }
  return source;
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

/// Each output pixel is a weighted sum of the sixteen input pixels around its source.
template <Device D, class T>
void upsample_bicubic_forward(const UpsampleGeometry& g, bool align_corners, const T* x, T* y);

/// The transpose of the forward, gathered. Overwrites dx.
template <Device D, class T>
void upsample_bicubic_backward(const UpsampleGeometry& g, bool align_corners, const T* dy, T* dx);

}  // namespace pixelgrad::kernels

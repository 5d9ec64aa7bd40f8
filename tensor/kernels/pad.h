#pragma once
#include <cstdint>

#include "tensor/device.h"
#include "tensor/mutant_internal.h"

// Padding whose values come from the image itself.
namespace pixelgrad::kernels {

/// x [n, in_h, in_w, channels], y [n, out_h, out_w, channels]: x begins at pixel (top, left) of y.
/// Where these are negative y begins inside x.
struct Pad2dGeometry {
  int64_t n = 1, in_h = 1, in_w = 1, channels = 1;
  int64_t out_h = 1, out_w = 1;
  int64_t top = 0, left = 0;
};

/// The input coordinate for coordinate `i` of an axis of `size` pixels, which may lie outside of
/// it: mirrored at the centre of the edge's pixel, which is not repeated. -size < i < 2 size - 1.
PIXELGRAD_HD inline int64_t reflect_source(int64_t i, int64_t size) {
  const int64_t edge = PIXELGRAD_MUTANT(pad2d_reflect_repeats_the_edge, 0, 1);
  return i < 0 ? -i - edge : i < size ? i : 2 * (size - 1) - i + edge;
}

/// The same with the edge's pixel repeated.
PIXELGRAD_HD inline int64_t replicate_source(int64_t i, int64_t size) {
  return i < 0 ? 0 : i < size ? i : size - 1;
}

/// Each output pixel is a copy of the input pixel that reflect_source says.
template <Device D, class T>
void pad2d_reflect_forward(const Pad2dGeometry& g, const T* x, T* y);

/// dx = the sum of dy over the output pixels that copy the pixel. Overwrites dx.
template <Device D, class T>
void pad2d_reflect_backward(const Pad2dGeometry& g, const T* dy, T* dx);

/// The same with replicate_source.
template <Device D, class T>
void pad2d_replicate_forward(const Pad2dGeometry& g, const T* x, T* y);
template <Device D, class T>
void pad2d_replicate_backward(const Pad2dGeometry& g, const T* dy, T* dx);

}  // namespace pixelgrad::kernels

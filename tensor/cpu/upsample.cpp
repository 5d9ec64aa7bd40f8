#include "tensor/kernels/upsample.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/cpu/resample.h"
#include "tensor/dtype.h"
#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/upsample.cpp"
#include "tensor/cpu/simd.h"

#ifndef PIXELGRAD_TENSOR_CPU_UPSAMPLE
#define PIXELGRAD_TENSOR_CPU_UPSAMPLE
namespace pixelgrad::kernels {

/// Each works on rows [begin, end) of the n * out_h output rows, on one thread.
template <class T>
struct UpsampleTiles {
  void (*nearest)(const UpsampleGeometry& g, const int64_t* source_y, const int64_t* source_x,
                  int64_t begin, int64_t end, const T* x, T* y);
  void (*bilinear)(const UpsampleGeometry& g, const LinearSource* source_y,
                   const LinearSource* source_x, int64_t begin, int64_t end, const T* x, T* y);
};

}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {

template <class T>
void nearest(const UpsampleGeometry& g, const int64_t* source_y, const int64_t* source_x,
             int64_t begin, int64_t end, const T* x, T* y) {
  for (int64_t row = begin; row < end; ++row) {
    const T* in = x + (row / g.out_h * g.in_h + source_y[row % g.out_h]) * g.in_w * g.channels;
    T* out = y + row * g.out_w * g.channels;
    for (int64_t ox = 0; ox < g.out_w; ++ox, out += g.channels) {
      const T* pixel = in + source_x[ox] * g.channels;
      for (int64_t c = 0; c < g.channels; ++c) out[c] = pixel[c];
    }
  }
}

template <class T>
void bilinear(const UpsampleGeometry& g, const LinearSource* source_y, const LinearSource* source_x,
              int64_t begin, int64_t end, const T* x, T* y) {
  using Value = compute_t<T>;
  const int64_t row_values = g.in_w * g.channels;
  for (int64_t row = begin; row < end; ++row) {
    const LinearSource sy = source_y[row % g.out_h];
    const T* low = x + (row / g.out_h * g.in_h + sy.low) * row_values;
    const T* high = x + (row / g.out_h * g.in_h + sy.high) * row_values;
    T* out = y + row * g.out_w * g.channels;
    for (int64_t ox = 0; ox < g.out_w; ++ox, out += g.channels) {
      const LinearSource sx = source_x[ox];
      const Value w00 = static_cast<Value>((1 - sy.weight) * (1 - sx.weight));
      const Value w01 = static_cast<Value>((1 - sy.weight) * sx.weight);
      const Value w10 = static_cast<Value>(sy.weight * (1 - sx.weight));
      const Value w11 = static_cast<Value>(sy.weight * sx.weight);
      const int64_t left = sx.low * g.channels, right = sx.high * g.channels;
      for (int64_t c = 0; c < g.channels; ++c)
        out[c] = static_cast<T>((w00 * low[left + c] + w01 * low[right + c]) +
                                (w10 * high[left + c] + w11 * high[right + c]));
    }
  }
}

template <class T>
UpsampleTiles<T> tiles() {
  return {.nearest = nearest<T>, .bilinear = bilinear<T>};
}
PIXELGRAD_TARGET_ACTIVATION_TILES(UpsampleTiles)

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {

PIXELGRAD_BEST_ACTIVATION_TILES(UpsampleTiles)

std::vector<int64_t> nearest_sources(int64_t in_size, int64_t out_size) {
  std::vector<int64_t> sources;
  for (int64_t o = 0; o < out_size; ++o) sources.push_back(nearest_source(o, in_size, out_size));
  return sources;
}

std::vector<LinearSource> linear_sources(int64_t in_size, int64_t out_size, bool align_corners) {
  std::vector<LinearSource> sources;
  for (int64_t o = 0; o < out_size; ++o)
    sources.push_back(linear_source(o, in_size, out_size, align_corners));
  return sources;
}

cpu::AxisTaps nearest_taps(int64_t in_size, int64_t out_size) {
  cpu::AxisTaps taps;
  for (int64_t in : nearest_sources(in_size, out_size)) {
    taps.add(in, 1);
    taps.end_output();
  }
  return taps;
}

cpu::AxisTaps linear_taps(int64_t in_size, int64_t out_size, bool align_corners) {
  cpu::AxisTaps taps;
  for (const LinearSource& s : linear_sources(in_size, out_size, align_corners)) {
    taps.add(s.low, 1 - PIXELGRAD_MUTANT(upsample_bilinear_backward_nearest, s.weight, 0));
    if (s.weight != 0)
      taps.add(PIXELGRAD_MUTANT(upsample_bilinear_backward_to_low, s.high, s.low),
               PIXELGRAD_MUTANT(upsample_bilinear_backward_in_three_digits, s.weight,
                                std::round(1000 * s.weight) / 1000));
    taps.end_output();
  }
  return taps;
}

cpu::AxisTaps cubic_taps(int64_t in_size, int64_t out_size, bool align_corners) {
  cpu::AxisTaps taps;
  for (int64_t o = 0; o < out_size; ++o) {
    const CubicSource s = cubic_source(o, in_size, out_size, align_corners);
    for (int k = 0; k < 4; ++k) taps.add(s.in[k], s.weight[k]);
    taps.end_output();
  }
  return taps;
}

/// Cuts `rows` rows into tiles of about 32K output values; a row has `row_values`.
template <class F>
void for_rows(int64_t rows, int64_t row_values, const F& f) {
  parallel_range(rows, std::max<int64_t>(1, (1 << 15) / std::max<int64_t>(row_values, 1)), f);
}

/// The backward of a resampling by `ys` and `xs`.
template <class T>
void gather(const UpsampleGeometry& g, const cpu::AxisTaps& ys, const cpu::AxisTaps& xs,
            const T* dy, T* dx) {
  cpu::resample(g.n, g.out_h, g.out_w, g.channels, cpu::transposed(ys, g.in_h),
                cpu::transposed(xs, g.in_w), dy, dx);
}

}  // namespace

template <Device D, class T>
void upsample_nearest_forward(const UpsampleGeometry& g, const T* x, T* y) {
  const auto ys = nearest_sources(g.in_h, g.out_h), xs = nearest_sources(g.in_w, g.out_w);
  for_rows(g.n * g.out_h, g.out_w * g.channels, [&](int64_t begin, int64_t end) {
    best_tiles<T>().nearest(g, ys.data(), xs.data(), begin, end, x, y);
  });
}

template <Device D, class T>
void upsample_nearest_backward(const UpsampleGeometry& g, const T* dy, T* dx) {
  gather(g, nearest_taps(g.in_h, g.out_h), nearest_taps(g.in_w, g.out_w), dy, dx);
}

template <Device D, class T>
void upsample_bilinear_forward(const UpsampleGeometry& g, bool align_corners, const T* x, T* y) {
  const auto ys = linear_sources(g.in_h, g.out_h, align_corners);
  const auto xs = linear_sources(g.in_w, g.out_w, align_corners);
  for_rows(g.n * g.out_h, g.out_w * g.channels, [&](int64_t begin, int64_t end) {
    best_tiles<T>().bilinear(g, ys.data(), xs.data(), begin, end, x, y);
  });
}

template <Device D, class T>
void upsample_bilinear_backward(const UpsampleGeometry& g, bool align_corners, const T* dy, T* dx) {
  gather(g, linear_taps(g.in_h, g.out_h, align_corners),
         linear_taps(g.in_w, g.out_w, align_corners), dy, dx);
}

template <Device D, class T>
void upsample_bicubic_forward(const UpsampleGeometry& g, bool align_corners, const T* x, T* y) {
  cpu::resample(g.n, g.in_h, g.in_w, g.channels, cubic_taps(g.in_h, g.out_h, align_corners),
                cubic_taps(g.in_w, g.out_w, align_corners), x, y);
}

template <Device D, class T>
void upsample_bicubic_backward(const UpsampleGeometry& g, bool align_corners, const T* dy, T* dx) {
  const bool aligned = PIXELGRAD_MUTANT(upsample_bicubic_backward_unaligned, align_corners, false);
  gather(g, cubic_taps(g.in_h, g.out_h, aligned), cubic_taps(g.in_w, g.out_w, aligned), dy, dx);
}

#define PIXELGRAD_INSTANTIATE(T)                                                                   \
  template void upsample_nearest_forward<Device::cpu, T>(const UpsampleGeometry&, const T*, T*);   \
  template void upsample_nearest_backward<Device::cpu, T>(const UpsampleGeometry&, const T*, T*);  \
  template void upsample_bilinear_forward<Device::cpu, T>(const UpsampleGeometry&, bool, const T*, \
                                                          T*);                                     \
  template void upsample_bilinear_backward<Device::cpu, T>(const UpsampleGeometry&, bool,          \
                                                           const T*, T*);                          \
  template void upsample_bicubic_forward<Device::cpu, T>(const UpsampleGeometry&, bool, const T*,  \
                                                         T*);                                      \
  template void upsample_bicubic_backward<Device::cpu, T>(const UpsampleGeometry&, bool, const T*, \
                                                          T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

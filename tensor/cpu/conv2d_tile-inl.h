// The register tiles of the tap convolution. Included once per SIMD target.
#if defined(PIXELGRAD_TENSOR_CPU_CONV2D_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PIXELGRAD_TENSOR_CPU_CONV2D_TILE_INL_H_
#undef PIXELGRAD_TENSOR_CPU_CONV2D_TILE_INL_H_
#else
#define PIXELGRAD_TENSOR_CPU_CONV2D_TILE_INL_H_
#endif

#include <hwy/highway.h>

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "tensor/cpu/conv2d_registers-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
/// Input channels of one block at most, and so the length of the line of zeros that stands for
/// pixels outside the image.
inline constexpr int64_t max_block = 256;

/// A run of `length` inputs and as many rows of the weight panel: the channels of one tap, or of
/// taps that are neighbours in a row and so lie in one piece of memory.
struct Segment {
  int64_t dy, dx;
  int64_t x;       ///< values from the input of (0, 0) to the run
  int64_t weight;  ///< rows of the panel before the run
  int64_t length;
};

/// One output pixel of a tile whose pixels are found one by one.
template <class T>
struct Pixel {
  const T* x;      ///< what a tap with dy = dx = 0 reads; may lie outside the image
  int64_t iy, ix;  ///< the input pixel at x
};

template <class T>
struct Tile {
  std::span<const Segment> segments;
  const T* panel;  ///< weights [rows of the panel][vectors * lanes]
  const T* start;  ///< what the sums start from: the bias, or what earlier blocks summed up
  int64_t start_step;
  T* y;
  int64_t y_step;
  int64_t in_h, in_w;
  // Inside the image's columns: pixel p reads x + p * x_step.
  const T* x;
  int64_t x_step;
  int64_t iy;
  // Elsewhere: each pixel on its own.
  const Pixel<T>* pixels;
};

template <class T>
const T* zero_line() {
  alignas(64) static constexpr std::array<T, max_block> zeros{};
  return zeros.data();
}

template <int P, int K, class T>
HWY_INLINE void load_sums(const Tile<T>& t, hn::Vec<hn::ScalableTag<T>> (&sum)[P][K]) {
  const hn::ScalableTag<T> d;
  HWY_UNROLL(16)
  for (int p = 0; p < P; ++p)
    for (int k = 0; k < K; ++k) sum[p][k] = hn::LoadU(d, t.start + p * t.start_step + k * lanes<T>);
}

template <int P, int K, class T>
HWY_INLINE void store_sums(const Tile<T>& t, hn::Vec<hn::ScalableTag<T>> (&sum)[P][K]) {
  const hn::ScalableTag<T> d;
  HWY_UNROLL(16)
  for (int p = 0; p < P; ++p)
    for (int k = 0; k < K; ++k) hn::StoreU(sum[p][k], d, t.y + p * t.y_step + k * lanes<T>);
}

/// A tile of P neighbours in a row, all of whose taps stay inside the image's columns.
template <int P, int K, class T>
void inner_tile(const Tile<T>& t) {
  const hn::ScalableTag<T> d;
  hn::Vec<decltype(d)> sum[P][K];
  load_sums<P, K>(t, sum);
  const int64_t step = t.x_step;
  for (const Segment& segment : t.segments) {
    if (static_cast<uint64_t>(t.iy + segment.dy) >= static_cast<uint64_t>(t.in_h)) continue;
    const T* HWY_RESTRICT x = t.x + segment.x;
    const T* HWY_RESTRICT w = t.panel + segment.weight * (K * lanes<T>);
    for (int64_t c = 0; c < segment.length; ++c) {
      hn::Vec<decltype(d)> weight[K];
      for (int k = 0; k < K; ++k) weight[k] = hn::LoadU(d, w + k * lanes<T>);
      HWY_UNROLL(16)
      for (int p = 0; p < P; ++p) {
        const auto value = hn::Set(d, x[p * step]);
        for (int k = 0; k < K; ++k) sum[p][k] = hn::MulAdd(value, weight[k], sum[p][k]);
      }
      ++x;
      w += K * lanes<T>;
    }
  }
  store_sums<P, K>(t, sum);
}

/// A tile of any P pixels. Pixels outside the image read zeros; a tap outside for all is skipped.
template <int P, int K, class T>
void border_tile(const Tile<T>& t) {
  const hn::ScalableTag<T> d;
  hn::Vec<decltype(d)> sum[P][K];
  load_sums<P, K>(t, sum);
  for (const Segment& segment : t.segments) {
    const T* x[P];
    bool inside = false;
    for (int p = 0; p < P; ++p) {
      const int64_t iy = t.pixels[p].iy + segment.dy, ix = t.pixels[p].ix + segment.dx;
      const bool here = static_cast<uint64_t>(iy) < static_cast<uint64_t>(t.in_h) &&
                        static_cast<uint64_t>(ix) < static_cast<uint64_t>(t.in_w);
      x[p] = here ? t.pixels[p].x + segment.x : zero_line<T>();
      inside |= here;
    }
    if (!inside) continue;
    const T* HWY_RESTRICT w = t.panel + segment.weight * (K * lanes<T>);
    for (int64_t c = 0; c < segment.length; ++c) {
      hn::Vec<decltype(d)> weight[K];
      for (int k = 0; k < K; ++k) weight[k] = hn::LoadU(d, w + k * lanes<T>);
      HWY_UNROLL(16)
      for (int p = 0; p < P; ++p) {
        const auto value = hn::Set(d, x[p][c]);
        for (int k = 0; k < K; ++k) sum[p][k] = hn::MulAdd(value, weight[k], sum[p][k]);
      }
      w += K * lanes<T>;
    }
  }
  store_sums<P, K>(t, sum);
}

template <class T>
using TileFunction = void (*)(const Tile<T>&);

/// The tile function for `pixels` in 1 .. max_tile<K>.
template <int K, class T>
TileFunction<T> inner_tile_of(int64_t pixels) {
  static constexpr auto table = []<size_t... p>(std::index_sequence<p...>) {
    return std::array<TileFunction<T>, sizeof...(p)>{&inner_tile<p + 1, K, T>...};
  }
  (std::make_index_sequence<max_tile<K>>());
  return table[pixels - 1];
}

template <int K, class T>
TileFunction<T> border_tile_of(int64_t pixels) {
  static constexpr auto table = []<size_t... p>(std::index_sequence<p...>) {
    return std::array<TileFunction<T>, sizeof...(p)>{&border_tile<p + 1, K, T>...};
  }
  (std::make_index_sequence<max_tile<K>>());
  return table[pixels - 1];
}

}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

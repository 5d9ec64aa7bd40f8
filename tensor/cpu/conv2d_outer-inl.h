// The register tiles of the weight gradients: outer products, summed over pixels. Included once per
// SIMD target.
#if defined(PIXELGRAD_TENSOR_CPU_CONV2D_OUTER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PIXELGRAD_TENSOR_CPU_CONV2D_OUTER_INL_H_
#undef PIXELGRAD_TENSOR_CPU_CONV2D_OUTER_INL_H_
#else
#define PIXELGRAD_TENSOR_CPU_CONV2D_OUTER_INL_H_
#endif

#include <hwy/highway.h>

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "tensor/cpu/conv2d_registers-inl.h"
#include "tensor/cpu/conv2d_taps.h"
#include "tensor/cpu/read_ahead.h"

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {

/// A line of pixels of the block: where its first pixels lie in packed x and dy.
struct Line {
  int64_t x, dy;
};

/// Input channels of x times two vectors of dy, summed over the pixels of some lines.
template <class T>
struct OuterTile {
  const T* x;
  int64_t x_step;  ///< from one pixel to the next
  const T* dy;     ///< [pixel][vectors * lanes]
  std::span<const Line> lines;
  int64_t pixels;  ///< of each line
  T* total;        ///< [input channel][vectors * lanes], to which the sums are added
};

/// M input channels and K vectors.
template <int M, int K, class T>
void run_outer_tile(const OuterTile<T>& t) {
  const hn::ScalableTag<T> d;
  constexpr int64_t width = K * lanes<T>;
  hn::Vec<decltype(d)> sum[M][K];
  HWY_UNROLL(16)
  for (int m = 0; m < M; ++m)
    for (int k = 0; k < K; ++k) sum[m][k] = hn::Zero(d);
  const int64_t step = t.x_step, pixels = t.pixels;
  for (const Line& line : t.lines) {
    const T* HWY_RESTRICT x = t.x + line.x;
    const T* HWY_RESTRICT dy = t.dy + line.dy;
    for (int64_t i = 0; i < pixels; ++i) {
      hn::Vec<decltype(d)> gradient[K];
      for (int k = 0; k < K; ++k) gradient[k] = hn::LoadU(d, dy + k * lanes<T>);
      mul_add_tile<M, K>(d, x, 1, gradient, sum);
      x += step;
      dy += width;
    }
  }
  HWY_UNROLL(16)
  for (int m = 0; m < M; ++m)
    for (int k = 0; k < K; ++k) {
      T* to = t.total + m * width + k * lanes<T>;
      hn::StoreU(hn::Add(hn::LoadU(d, to), sum[m][k]), d, to);
    }
}

template <int K, class T>
auto outer_tile_of(int64_t channels) {
  static constexpr auto table = []<size_t... m>(std::index_sequence<m...>) {
    return std::array{&run_outer_tile<m + 1, K, T>...};
  }
  (std::make_index_sequence<max_tile<K>>());
  return table[channels - 1];
}

/// The same for `channels` input channels, in tiles of about the same size, which begin at `t`.
/// Behind each tile lines of `next` are asked for.
template <int K, class T>
void add_outer_products(OuterTile<T> t, int64_t channels, ReadAhead& next) {
  const int64_t tiles = ceil_div(channels, max_tile<K>);
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t size = channels / tiles + (i < channels % tiles);
    outer_tile_of<K, T>(size)(t);
    next.fetch();
    t.x += size;
    t.total += size * K * lanes<T>;
  }
}

}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

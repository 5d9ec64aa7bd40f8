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

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {

/// A line of pixels of the block: where its first pixels lie in packed x and dy.
struct Line {
  int64_t x, dy;
};

/// sum[m][lane] += over lines and pixels of x[m] * dy[lane], for M input channels and K vectors.
template <int M, int K, class T>
void outer_tile(const T* x, int64_t x_step, const T* dy, std::span<const Line> lines,
                int64_t pixels, T* total) {
  const hn::ScalableTag<T> d;
  constexpr int64_t width = K * lanes<T>;
  hn::Vec<decltype(d)> sum[M][K];
  HWY_UNROLL(16)
  for (int m = 0; m < M; ++m)
    for (int k = 0; k < K; ++k) sum[m][k] = hn::Zero(d);
  for (const Line& line : lines) {
    const T* HWY_RESTRICT xp = x + line.x;
    const T* HWY_RESTRICT dp = dy + line.dy;
    for (int64_t i = 0; i < pixels; ++i) {
      hn::Vec<decltype(d)> gradient[K];
      for (int k = 0; k < K; ++k) gradient[k] = hn::LoadU(d, dp + k * lanes<T>);
      mul_add_tile<M, K>(d, xp, 1, gradient, sum);
      xp += x_step;
      dp += width;
    }
  }
  HWY_UNROLL(16)
  for (int m = 0; m < M; ++m)
    for (int k = 0; k < K; ++k) {
      T* to = total + m * width + k * lanes<T>;
      hn::StoreU(hn::Add(hn::LoadU(d, to), sum[m][k]), d, to);
    }
}

template <class T>
using OuterTile = void (*)(const T*, int64_t, const T*, std::span<const Line>, int64_t, T*);

template <int K, class T>
OuterTile<T> outer_tile_of(int64_t channels) {
  static constexpr auto table = []<size_t... m>(std::index_sequence<m...>) {
    return std::array<OuterTile<T>, sizeof...(m)>{&outer_tile<m + 1, K, T>...};
  }
  (std::make_index_sequence<max_tile<K>>());
  return table[channels - 1];
}

}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

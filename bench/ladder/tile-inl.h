// The register tile of rungs 4 to 7: six pixels of a row x two vectors of output channels. Rung 3's
// tile, with the vectors spelt out. Included once per SIMD target (tensor/cpu/simd.h).
#if defined(PIXELGRAD_BENCH_LADDER_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PIXELGRAD_BENCH_LADDER_TILE_INL_H_
#undef PIXELGRAD_BENCH_LADDER_TILE_INL_H_
#else
#define PIXELGRAD_BENCH_LADDER_TILE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>

#include "bench/ladder/ladder.h"

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::ladder::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

/// 6 x 2 sums, 2 vectors of weights and 1 input: 15 of the 16 registers of AVX2.
inline constexpr int pixels = 6, vectors = 2;
inline constexpr int64_t lanes = hn::MaxLanes(Floats()), width = vectors * lanes;

/// All loops over the sums are unrolled: only then can the compiler keep them in registers.
using Sums = Vector[pixels][vectors];

/// The first pixel and the first output channel of a tile.
struct Place {
  int64_t n, row, col, co;
};

/// Weights of `width` output channels: those of a tap and an input channel lie at
/// data + tap * tap_step + channel * channel_step.
struct Weights {
  const float* data;
  int64_t tap_step, channel_step;
};

HWY_INLINE void clear(Sums& sum) {
  HWY_UNROLL(pixels)
  for (int p = 0; p < pixels; ++p) HWY_UNROLL(vectors)
  for (int k = 0; k < vectors; ++k) sum[p][k] = hn::Zero(Floats());
}

/// Adds the products of all taps and of `channels` input channels from `first` on. What lies
/// outside the image is read from `zeros`, a line of as many.
HWY_INLINE void add_products(const Layer& l, const Place& at, int64_t first, int64_t channels,
                             const Weights& weights, const float* zeros, Sums& sum) {
  const Floats d;
  for (int64_t r = 0; r < 3; ++r) {
    const int64_t row = at.row + r - 1;
    if (!l.row_inside(row)) continue;
    for (int64_t s = 0; s < 3; ++s) {
      const float* x[pixels];
      for (int p = 0; p < pixels; ++p) {
        const int64_t col = at.col + p + s - 1;
        x[p] = l.col_inside(col) ? l.input(at.n, row, col) + first : zeros;
      }
      const float* w = weights.data + (r * 3 + s) * weights.tap_step;
      for (int64_t ci = 0; ci < channels; ++ci, w += weights.channel_step) {
        const Vector weight[vectors] = {hn::LoadU(d, w), hn::LoadU(d, w + lanes)};
        HWY_UNROLL(pixels)
        for (int p = 0; p < pixels; ++p) {
          const Vector value = hn::Set(d, x[p][ci]);
          HWY_UNROLL(vectors)
          for (int k = 0; k < vectors; ++k) sum[p][k] = hn::MulAdd(value, weight[k], sum[p][k]);
        }
      }
    }
  }
}

/// Calls move(p, k, y, count) for each vector of the tile that lies in the output: its address
/// there, and how many of its lanes are channels that exist.
template <class Move>
HWY_INLINE void each_vector(const Layer& l, const Place& at, const Move& move) {
  HWY_UNROLL(pixels)
  for (int p = 0; p < pixels; ++p) HWY_UNROLL(vectors)
  for (int k = 0; k < vectors; ++k) {
    const int64_t co = at.co + k * lanes;
    if (at.col + p < l.width && co < l.out)
      move(p, k, l.output(at.n, at.row, at.col + p) + co, std::min(lanes, l.out - co));
  }
}

HWY_INLINE void store(const Layer& l, const Place& at, const Sums& sum) {
  each_vector(l, at, [&](int p, int k, float* y, int64_t count) HWY_ATTR {
    if (count == lanes) return hn::StoreU(sum[p][k], Floats(), y);
    float some[lanes];
    hn::StoreU(sum[p][k], Floats(), some);
    std::copy_n(some, count, y);
  });
}

/// What store() wrote.
HWY_INLINE void load(const Layer& l, const Place& at, Sums& sum) {
  clear(sum);
  each_vector(l, at, [&](int p, int k, const float* y, int64_t count) HWY_ATTR {
    float some[lanes] = {};
    if (count < lanes) std::copy_n(y, count, some);
    sum[p][k] = hn::LoadU(Floats(), count < lanes ? some : y);
  });
}

}  // namespace pixelgrad::ladder::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

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
#include "tensor/cpu/conv2d_taps.h"
#include "tensor/cpu/read_ahead.h"

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
/// A run of inputs and as many rows of the weight panel: the channels of one tap, or of taps that
/// are neighbours in a row and so lie in one piece of memory.
struct Segment {
  int64_t dy = 0, dx = 0, last_dx = 0;
  int64_t x = 0;       ///< values from the input of (0, 0) to the run
  int64_t weight = 0;  ///< rows of the panel before the run
  int64_t length = 0;
};

/// Neighbouring output pixels of a row: pixel p reads x + p * x_step, of each segment.
template <class T>
struct Tile {
  std::span<const Segment> segments;
  const T* panel;  ///< weights [rows of the panel][vectors * lanes]
  const T* start;  ///< what is added to the sums: the bias, or what earlier blocks summed up
  int64_t start_step;
  T* y;
  int64_t y_step;
  int64_t last_lanes =
      lanes<T>;  ///< of a pixel's last vector: behind them lies another pixel, or nothing
  const T* x;
  int64_t x_step;
  int64_t iy, first_ix, last_ix;  ///< what the first and the last pixel read for dy = dx = 0
  int64_t in_h, in_w;             ///< a segment outside the image is skipped
  const char* ahead;  ///< memory to ask for meanwhile, so many bytes each row of the panel
  int64_t ahead_step;
};

/// Sums from zero: what they start from is added last, so that a long sum's digits are not lost to
/// an even longer one. With `ahead` the tile reads ahead.
template <int P, int K, bool ahead, class T>
void run_tile(const Tile<T>& t) {
  const hn::ScalableTag<T> d;
  hn::Vec<decltype(d)> sum[P][K];
  HWY_UNROLL(16)
  for (int p = 0; p < P; ++p)
    for (int k = 0; k < K; ++k) sum[p][k] = hn::Zero(d);
  const int64_t step = t.x_step;
  [[maybe_unused]] const char* next = t.ahead;
  for (const Segment& segment : t.segments) {
    const bool outside =
        static_cast<uint64_t>(t.iy + segment.dy) >= static_cast<uint64_t>(t.in_h) ||
        t.last_ix + segment.last_dx < 0 || t.first_ix + segment.dx >= t.in_w;
    if (outside) continue;
    const T* HWY_RESTRICT x = t.x + segment.x;
    const T* HWY_RESTRICT w = t.panel + segment.weight * (K * lanes<T>);
    for (int64_t c = 0; c < segment.length; ++c) {
      hn::Vec<decltype(d)> weight[K];
      for (int k = 0; k < K; ++k) weight[k] = hn::LoadU(d, w + k * lanes<T>);
      mul_add_tile<P, K>(d, x, step, weight, sum);
      if constexpr (ahead) {
        __builtin_prefetch(next, 0, 2);
        next += t.ahead_step;
      }
      ++x;
      w += K * lanes<T>;
    }
  }
  const int64_t rest = t.last_lanes;
  const bool whole = rest == lanes<T>;
  HWY_UNROLL(16)
  for (int p = 0; p < P; ++p)
    for (int k = 0; k < K; ++k) {
      const T* start = t.start + p * t.start_step + k * lanes<T>;
      T* y = t.y + p * t.y_step + k * lanes<T>;
      if (whole || k < K - 1)
        hn::StoreU(hn::Add(hn::LoadU(d, start), sum[p][k]), d, y);
      else
        store_part(d, hn::Add(load_part(d, start, rest), sum[p][k]), y, rest);
    }
}

template <class T>
using TileFunction = void (*)(const Tile<T>&);

/// The tile function for `pixels` in 1 .. max_tile<K>.
template <int K, bool ahead, class T>
TileFunction<T> tile_of(int64_t pixels) {
  static constexpr auto table = []<size_t... p>(std::index_sequence<p...>) {
    return std::array<TileFunction<T>, sizeof...(p)>{&run_tile<p + 1, K, ahead, T>...};
  }
  (std::make_index_sequence<max_tile<K>>());
  return table[pixels - 1];
}

/// Runs the tile of `pixels` over `rows` rows of the panel; `piece` is what it reads ahead.
template <int K, class T>
void run_tile_of(int64_t pixels, Tile<T>& tile, ReadAhead::Piece piece, int64_t rows) {
  if (piece.bytes == 0) return tile_of<K, false, T>(pixels)(tile);
  tile.ahead = piece.first;
  tile.ahead_step = ceil_div(piece.bytes, rows);
  tile_of<K, true, T>(pixels)(tile);
}

}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

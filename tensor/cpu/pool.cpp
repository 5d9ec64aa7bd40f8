#include "tensor/kernels/pool.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/pool.cpp"
#include "tensor/cpu/simd.h"
// After simd.h: highway.h first, then what builds on it.
#include "tensor/cpu/bf16-inl.h"

#ifndef PIXELGRAD_TENSOR_CPU_POOL
#define PIXELGRAD_TENSOR_CPU_POOL
namespace pixelgrad::kernels {

/// Rows [row_begin, row_end) of the n * h.out output rows (forward) or n * h.in input rows
/// (backward), and channels [c_begin, c_end) of them: the work of one thread.
struct PoolTile {
  int64_t row_begin, row_end;
  int64_t c_begin, c_end;
};

template <class T>
struct PoolTiles {
  void (*max_forward_u8)(const Pool2dGeometry& g, PoolTile tile, const T* x, T* y, uint8_t* argmax);
  void (*max_forward_i32)(const Pool2dGeometry& g, PoolTile tile, const T* x, T* y,
                          int32_t* argmax);
  void (*max_backward_u8)(const Pool2dGeometry& g, PoolTile tile, const T* dy,
                          const uint8_t* argmax, T* dx);
  void (*max_backward_i32)(const Pool2dGeometry& g, PoolTile tile, const T* dy,
                           const int32_t* argmax, T* dx);
  void (*avg_forward)(const Pool2dGeometry& g, bool count_include_pad, PoolTile tile, const T* x,
                      T* y);
  void (*avg_backward)(const Pool2dGeometry& g, bool count_include_pad, PoolTile tile, const T* dy,
                       T* dx);
};
}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

/// One vector of channels of one output pixel, of which `image` points at the first: taps
/// rows x cols of its window are inside the image.
template <class D, class T, class Index>
HWY_INLINE void max_window(D d, const Pool2dGeometry& g, PoolTaps rows, PoolTaps cols,
                           const T* image, T* y, Index* argmax) {
  const hn::RebindToSigned<D> di;
  using I = hn::TFromD<decltype(di)>;
  using Value = hn::TFromD<D>;
  auto best = hn::Set(d, PIXELGRAD_MUTANT(max_pool_padding_wins,
                                          -std::numeric_limits<Value>::infinity(), Value{0}));
  auto code = hn::Set(di, static_cast<I>(rows.begin * g.w.kernel + cols.begin));
  for (int64_t r = rows.begin; r < rows.end; ++r)
    for (int64_t s = cols.begin; s < cols.end; ++s) {
      const int64_t iy = pool_input(g.h, rows, r), ix = pool_input(g.w, cols, s);
      const auto value = load_values(d, image + (iy * g.w.in + ix) * g.channels);
      const auto better = hn::Or(hn::Gt(value, best), hn::IsNaN(value));
      best = hn::IfThenElse(better, value, best);
      code = hn::IfThenElse(hn::RebindMask(di, better),
                            hn::Set(di, static_cast<I>(r * g.w.kernel + s)), code);
    }
  store_values(d, best, y);
  if (argmax) {
    I codes[hn::MaxLanes(d)];
    hn::StoreU(code, di, codes);
    for (size_t i = 0; i < hn::Lanes(d); ++i) argmax[i] = static_cast<Index>(codes[i]);
  }
}

template <class T, class Index>
void max_forward(const Pool2dGeometry& g, PoolTile tile, const T* x, T* y, Index* argmax) {
  const hn::ScalableTag<compute_t<T>> d;
  const hn::CappedTag<compute_t<T>, 1> one;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t row = tile.row_begin; row < tile.row_end; ++row) {
    const PoolTaps rows = pool_taps(g.h, row % g.h.out);
    const T* image = x + row / g.h.out * g.h.in * g.w.in * g.channels;
    for (int64_t ox = 0; ox < g.w.out; ++ox) {
      const PoolTaps cols = pool_taps(g.w, ox);
      const int64_t at = (row * g.w.out + ox) * g.channels;
      int64_t c = tile.c_begin;
      for (; c + lanes <= tile.c_end; c += lanes)
        max_window(d, g, rows, cols, image + c, y + at + c, argmax ? argmax + at + c : nullptr);
      for (; c < tile.c_end; ++c)
        max_window(one, g, rows, cols, image + c, y + at + c, argmax ? argmax + at + c : nullptr);
    }
  }
}

/// A row of dx to add to, from 0: itself or, where it is stored as bf16, one of f32 that is rounded
/// at the end.
template <class T>
class RowSums {
 public:
  explicit RowSums(int64_t values)
      : values_(values), sums_(std::is_same_v<T, bf16> ? static_cast<size_t>(values) : 0) {}

  compute_t<T>* begin(T* row) {
    row_ = row;
    compute_t<T>* sums;
    if constexpr (std::is_same_v<T, bf16>)
      sums = sums_.data();
    else
      sums = row;
    std::fill_n(sums, values_, compute_t<T>{0});
    return sums;
  }
  void end() {
    for (size_t i = 0; i < sums_.size(); ++i) row_[i] = static_cast<T>(sums_[i]);
  }

 private:
  int64_t values_;
  T* row_ = nullptr;
  std::vector<compute_t<T>> sums_;
};

template <class T, class Index>
void max_backward(const Pool2dGeometry& g, PoolTile tile, const T* dy, const Index* argmax, T* dx) {
  using Value = compute_t<T>;
  const int64_t channels = g.channels;
  RowSums<T> sums(g.w.in * channels);
  for (int64_t row = tile.row_begin; row < tile.row_end; ++row) {
    const int64_t image = row / g.h.in, iy = row % g.h.in;
    Value* out = sums.begin(dx + row * g.w.in * channels);
    const PoolReaders readers = pool_readers(g.h, iy);
    for (int64_t oy = readers.begin; oy < readers.end; ++oy) {
      const int64_t r = pool_tap_of(g.h, iy, oy);
      if (r < 0) continue;
      for (int64_t ox = 0; ox < g.w.out; ++ox) {
        const PoolTaps cols = pool_taps(g.w, ox);
        const int64_t at = ((image * g.h.out + oy) * g.w.out + ox) * channels;
        for (int64_t s = cols.begin; s < cols.end; ++s) {
          const int32_t code = static_cast<int32_t>(r * g.w.kernel + s);
          Value* HWY_RESTRICT pixel = out + pool_input(g.w, cols, s) * channels;
          for (int64_t c = 0; c < channels; ++c) {
            const Value value = dy[at + c];
            const Value before = PIXELGRAD_MUTANT(max_pool_backward_overwrites, pixel[c], Value{0});
            pixel[c] = static_cast<int32_t>(argmax[at + c]) == code ? before + value : pixel[c];
          }
        }
      }
    }
    sums.end();
  }
}

/// 1 / divisor of a window whose taps inside the image are rows x cols.
template <class T>
T window_weight(const Pool2dGeometry& g, bool count_include_pad, PoolTaps rows, PoolTaps cols) {
  return T{1} / static_cast<T>(pool_divisor(g.h, rows, count_include_pad) *
                               pool_divisor(g.w, cols, count_include_pad));
}

/// Adds up in `Sum`.
template <class Sum, class T>
void avg_forward_in(const Pool2dGeometry& g, bool count_include_pad, PoolTile tile, const T* x,
                    T* y) {
  const int64_t channels = tile.c_end - tile.c_begin;
  std::vector<Sum> sums(static_cast<size_t>(channels));
  Sum* HWY_RESTRICT sum = sums.data();
  for (int64_t row = tile.row_begin; row < tile.row_end; ++row) {
    const PoolTaps rows = pool_taps(g.h, row % g.h.out);
    const T* image = x + row / g.h.out * g.h.in * g.w.in * g.channels + tile.c_begin;
    for (int64_t ox = 0; ox < g.w.out; ++ox) {
      const PoolTaps cols = pool_taps(g.w, ox);
      std::fill_n(sum, channels, Sum{0});
      for (int64_t r = rows.begin; r < rows.end; ++r)
        for (int64_t s = cols.begin; s < cols.end; ++s) {
          const T* HWY_RESTRICT in =
              image + ((rows.start + r) * g.w.in + cols.start + s) * g.channels;
          for (int64_t c = 0; c < channels; ++c) sum[c] += in[c];
        }
      const Sum weight = window_weight<Sum>(g, count_include_pad, rows, cols);
      T* HWY_RESTRICT out = y + (row * g.w.out + ox) * g.channels + tile.c_begin;
      for (int64_t c = 0; c < channels; ++c) out[c] = static_cast<T>(sum[c] * weight);
    }
  }
}

template <class T>
void avg_forward(const Pool2dGeometry& g, bool count_include_pad, PoolTile tile, const T* x, T* y) {
  // A sum of a few values loses nothing in f32 that its rounding would not.
  if (g.h.kernel * g.w.kernel <= 64)
    avg_forward_in<compute_t<T>>(g, count_include_pad, tile, x, y);
  else
    avg_forward_in<acc_t<T>>(g, count_include_pad, tile, x, y);
}

template <class T>
void avg_backward(const Pool2dGeometry& g, bool count_include_pad, PoolTile tile, const T* dy,
                  T* dx) {
  using Value = compute_t<T>;
  const bool counted =
      PIXELGRAD_MUTANT(avg_pool_backward_counts_the_padding, count_include_pad, !count_include_pad);
  RowSums<T> sums(g.w.in * g.channels);
  for (int64_t row = tile.row_begin; row < tile.row_end; ++row) {
    const int64_t image = row / g.h.in, iy = row % g.h.in;
    Value* out = sums.begin(dx + row * g.w.in * g.channels);
    const PoolReaders readers = pool_readers(g.h, iy);
    for (int64_t oy = readers.begin; oy < readers.end; ++oy) {
      const PoolTaps rows = pool_taps(g.h, oy);
      for (int64_t ox = 0; ox < g.w.out; ++ox) {
        const PoolTaps cols = pool_taps(g.w, ox);
        const Value weight =
            PIXELGRAD_MUTANT(avg_pool_backward_without_divisor,
                             window_weight<Value>(g, counted, rows, cols), Value{1});
        const T* HWY_RESTRICT in = dy + ((image * g.h.out + oy) * g.w.out + ox) * g.channels;
        for (int64_t s = cols.begin; s < cols.end; ++s) {
          Value* HWY_RESTRICT pixel = out + (cols.start + s) * g.channels;
          for (int64_t c = 0; c < g.channels; ++c) pixel[c] += weight * in[c];
        }
      }
    }
    sums.end();
  }
}

template <class T>
PoolTiles<T> tiles() {
  return {.max_forward_u8 = max_forward<T, uint8_t>,
          .max_forward_i32 = max_forward<T, int32_t>,
          .max_backward_u8 = max_backward<T, uint8_t>,
          .max_backward_i32 = max_backward<T, int32_t>,
          .avg_forward = avg_forward<T>,
          .avg_backward = avg_backward<T>};
}
PIXELGRAD_TARGET_ACTIVATION_TILES(PoolTiles)

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {

PIXELGRAD_BEST_ACTIVATION_TILES(PoolTiles)

/// Cuts rows of `pixels` x `channels` values into tiles of about 32K. Rows far larger than that,
/// as in global pooling, are cut into blocks of whole vectors of channels as well.
template <class F>
void for_tiles(int64_t rows, int64_t pixels, int64_t channels, const F& f) {
  constexpr int64_t tile = 1 << 15, vectors = 64;
  const int64_t values = std::max<int64_t>(1, pixels * channels);
  const int64_t blocks = std::clamp<int64_t>(values / (4 * tile), 1, 1 + channels / vectors);
  const int64_t block = (channels / blocks / vectors + 1) * vectors;
  const int64_t grain = std::max<int64_t>(1, tile / values);
  const int64_t row_tiles = (rows + grain - 1) / grain, cuts = (channels + block - 1) / block;
  parallel_for(row_tiles * cuts, [&](int64_t i) {
    const int64_t row = i / cuts * grain, c = i % cuts * block;
    f(PoolTile{row, std::min(rows, row + grain), c, std::min(channels, c + block)});
  });
}

/// Input pixels of the windows of an output row.
int64_t pixels_of_output_row(const Pool2dGeometry& g) {
  const int64_t lines = g.h.adaptive ? (g.h.in + g.h.out - 1) / g.h.out : g.h.kernel;
  return g.w.in * std::min(lines, g.h.in);
}

/// Whole rows: each is cleared before windows are added to it.
template <class F>
void for_input_rows(const Pool2dGeometry& g, const F& f) {
  const int64_t values = std::max<int64_t>(1, g.w.in * g.channels);
  parallel_range(g.n * g.h.in, std::max<int64_t>(1, (1 << 15) / values),
                 [&](int64_t begin, int64_t end) {
                   f(PoolTile{begin, end, 0, g.channels});
                 });
}

}  // namespace

template <Device D, class T, class Index>
void max_pool2d_forward(const Pool2dGeometry& g, const T* x, T* y, Index* argmax) {
  for_tiles(g.n * g.h.out, pixels_of_output_row(g), g.channels, [&](PoolTile tile) {
    if constexpr (std::is_same_v<Index, uint8_t>)
      best_tiles<T>().max_forward_u8(g, tile, x, y, argmax);
    else
      best_tiles<T>().max_forward_i32(g, tile, x, y, argmax);
  });
}

template <Device D, class T, class Index>
void max_pool2d_backward(const Pool2dGeometry& g, const T* dy, const Index* argmax, T* dx) {
  for_input_rows(g, [&](PoolTile tile) {
    if constexpr (std::is_same_v<Index, uint8_t>)
      best_tiles<T>().max_backward_u8(g, tile, dy, argmax, dx);
    else
      best_tiles<T>().max_backward_i32(g, tile, dy, argmax, dx);
  });
}

template <Device D, class T>
void avg_pool2d_forward(const Pool2dGeometry& g, bool count_include_pad, const T* x, T* y) {
  for_tiles(g.n * g.h.out, pixels_of_output_row(g), g.channels,
            [&](PoolTile tile) { best_tiles<T>().avg_forward(g, count_include_pad, tile, x, y); });
}

template <Device D, class T>
void avg_pool2d_backward(const Pool2dGeometry& g, bool count_include_pad, const T* dy, T* dx) {
  for_input_rows(
      g, [&](PoolTile tile) { best_tiles<T>().avg_backward(g, count_include_pad, tile, dy, dx); });
}

#define PIXELGRAD_INSTANTIATE(T)                                                                   \
  template void max_pool2d_forward<Device::cpu, T>(const Pool2dGeometry&, const T*, T*, uint8_t*); \
  template void max_pool2d_forward<Device::cpu, T>(const Pool2dGeometry&, const T*, T*, int32_t*); \
  template void max_pool2d_backward<Device::cpu, T>(const Pool2dGeometry&, const T*,               \
                                                    const uint8_t*, T*);                           \
  template void max_pool2d_backward<Device::cpu, T>(const Pool2dGeometry&, const T*,               \
                                                    const int32_t*, T*);                           \
  template void avg_pool2d_forward<Device::cpu, T>(const Pool2dGeometry&, bool, const T*, T*);     \
  template void avg_pool2d_backward<Device::cpu, T>(const Pool2dGeometry&, bool, const T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

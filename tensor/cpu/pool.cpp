#include "tensor/kernels/pool.h"

#include <algorithm>
#include <limits>

#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/pool.cpp"
#include "tensor/cpu/simd.h"

#ifndef PIXELGRAD_TENSOR_CPU_POOL
#define PIXELGRAD_TENSOR_CPU_POOL
namespace pixelgrad::kernels {
/// Each works on rows [begin, end) of the n * out_h output rows (forward) or n * in_h input rows
/// (backward), on one thread.
template <class T>
struct PoolTiles {
  void (*max_forward_u8)(const Pool2dGeometry& g, int64_t begin, int64_t end, const T* x, T* y,
                         uint8_t* argmax);
  void (*max_forward_i32)(const Pool2dGeometry& g, int64_t begin, int64_t end, const T* x, T* y,
                          int32_t* argmax);
  void (*max_backward_u8)(const Pool2dGeometry& g, int64_t begin, int64_t end, const T* dy,
                          const uint8_t* argmax, T* dx);
  void (*max_backward_i32)(const Pool2dGeometry& g, int64_t begin, int64_t end, const T* dy,
                           const int32_t* argmax, T* dx);
  void (*avg_forward)(const Pool2dGeometry& g, bool count_include_pad, int64_t begin, int64_t end,
                      const T* x, T* y);
  void (*avg_backward)(const Pool2dGeometry& g, bool count_include_pad, int64_t begin, int64_t end,
                       const T* dy, T* dx);
};
}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

/// One vector of channels of one output pixel: its window starts at pixel `x`, taps rows x cols are
/// inside the image.
template <class D, class T, class Index>
HWY_INLINE void max_window(D d, const Pool2dGeometry& g, PoolTaps rows, PoolTaps cols,
                           const T* image, T* y, Index* argmax) {
  const hn::RebindToSigned<D> di;
  using I = hn::TFromD<decltype(di)>;
  auto best = hn::Set(d, -std::numeric_limits<T>::infinity());
  auto code = hn::Set(di, static_cast<I>(rows.begin * g.kernel + cols.begin));
  for (int64_t r = rows.begin; r < rows.end; ++r)
    for (int64_t s = cols.begin; s < cols.end; ++s) {
      const int64_t iy = rows.start + r * g.dilation, ix = cols.start + s * g.dilation;
      const auto value = hn::LoadU(d, image + (iy * g.in_w + ix) * g.channels);
      const auto better = hn::Or(hn::Gt(value, best), hn::IsNaN(value));
      best = hn::IfThenElse(better, value, best);
      code = hn::IfThenElse(hn::RebindMask(di, better),
                            hn::Set(di, static_cast<I>(r * g.kernel + s)), code);
    }
  hn::StoreU(best, d, y);
  if (argmax) {
    I codes[hn::MaxLanes(d)];
    hn::StoreU(code, di, codes);
    for (size_t i = 0; i < hn::Lanes(d); ++i) argmax[i] = static_cast<Index>(codes[i]);
  }
}

template <class T, class Index>
void max_forward(const Pool2dGeometry& g, int64_t begin, int64_t end, const T* x, T* y,
                 Index* argmax) {
  const hn::ScalableTag<T> d;
  const hn::CappedTag<T, 1> one;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t row = begin; row < end; ++row) {
    const PoolTaps rows = pool_taps(g, row % g.out_h, g.in_h);
    const T* image = x + row / g.out_h * g.in_h * g.in_w * g.channels;
    for (int64_t ox = 0; ox < g.out_w; ++ox) {
      const PoolTaps cols = pool_taps(g, ox, g.in_w);
      const int64_t at = (row * g.out_w + ox) * g.channels;
      int64_t c = 0;
      for (; c + lanes <= g.channels; c += lanes)
        max_window(d, g, rows, cols, image + c, y + at + c, argmax ? argmax + at + c : nullptr);
      for (; c < g.channels; ++c)
        max_window(one, g, rows, cols, image + c, y + at + c, argmax ? argmax + at + c : nullptr);
    }
  }
}

template <class T, class Index>
void max_backward(const Pool2dGeometry& g, int64_t begin, int64_t end, const T* dy,
                  const Index* argmax, T* dx) {
  const int64_t channels = g.channels;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / g.in_h, iy = row % g.in_h;
    T* out = dx + row * g.in_w * channels;
    std::fill_n(out, g.in_w * channels, T{0});
    const PoolReaders readers = pool_readers(g, iy, g.out_h);
    for (int64_t oy = readers.begin; oy < readers.end; ++oy) {
      const int64_t r = pool_tap_of(g, iy, oy);
      if (r < 0) continue;
      for (int64_t ox = 0; ox < g.out_w; ++ox) {
        const PoolTaps cols = pool_taps(g, ox, g.in_w);
        const int64_t at = ((image * g.out_h + oy) * g.out_w + ox) * channels;
        for (int64_t s = cols.begin; s < cols.end; ++s) {
          const int32_t code = static_cast<int32_t>(r * g.kernel + s);
          T* HWY_RESTRICT pixel = out + (cols.start + s * g.dilation) * channels;
          for (int64_t c = 0; c < channels; ++c) {
            const T value = dy[at + c];
            pixel[c] += static_cast<int32_t>(argmax[at + c]) == code ? value : T{0};
          }
        }
      }
    }
  }
}

/// 1 / divisor of a window whose taps inside the image are rows x cols.
template <class T>
T window_weight(const Pool2dGeometry& g, bool count_include_pad, PoolTaps rows, PoolTaps cols) {
  const int64_t pixels = count_include_pad ? g.kernel * g.kernel : rows.count() * cols.count();
  return T{1} / static_cast<T>(std::max<int64_t>(pixels, 1));
}

template <class T>
void avg_forward(const Pool2dGeometry& g, bool count_include_pad, int64_t begin, int64_t end,
                 const T* x, T* y) {
  for (int64_t row = begin; row < end; ++row) {
    const PoolTaps rows = pool_taps(g, row % g.out_h, g.in_h);
    const T* image = x + row / g.out_h * g.in_h * g.in_w * g.channels;
    for (int64_t ox = 0; ox < g.out_w; ++ox) {
      const PoolTaps cols = pool_taps(g, ox, g.in_w);
      T* out = y + (row * g.out_w + ox) * g.channels;
      std::fill_n(out, g.channels, T{0});
      for (int64_t r = rows.begin; r < rows.end; ++r)
        for (int64_t s = cols.begin; s < cols.end; ++s) {
          const T* in = image + ((rows.start + r) * g.in_w + cols.start + s) * g.channels;
          for (int64_t c = 0; c < g.channels; ++c) out[c] += in[c];
        }
      const T weight = window_weight<T>(g, count_include_pad, rows, cols);
      for (int64_t c = 0; c < g.channels; ++c) out[c] *= weight;
    }
  }
}

template <class T>
void avg_backward(const Pool2dGeometry& g, bool count_include_pad, int64_t begin, int64_t end,
                  const T* dy, T* dx) {
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / g.in_h, iy = row % g.in_h;
    T* out = dx + row * g.in_w * g.channels;
    std::fill_n(out, g.in_w * g.channels, T{0});
    const PoolReaders readers = pool_readers(g, iy, g.out_h);
    for (int64_t oy = readers.begin; oy < readers.end; ++oy) {
      const PoolTaps rows = pool_taps(g, oy, g.in_h);
      for (int64_t ox = 0; ox < g.out_w; ++ox) {
        const PoolTaps cols = pool_taps(g, ox, g.in_w);
        const T weight = window_weight<T>(g, count_include_pad, rows, cols);
        const T* in = dy + ((image * g.out_h + oy) * g.out_w + ox) * g.channels;
        for (int64_t s = cols.begin; s < cols.end; ++s) {
          T* pixel = out + (cols.start + s) * g.channels;
          for (int64_t c = 0; c < g.channels; ++c) pixel[c] += weight * in[c];
        }
      }
    }
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
PoolTiles<float> tiles_f32() { return tiles<float>(); }
PoolTiles<double> tiles_f64() { return tiles<double>(); }

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {

HWY_EXPORT(tiles_f32);
HWY_EXPORT(tiles_f64);
template <class T>
PoolTiles<T> best_tiles() {
  if constexpr (std::is_same_v<T, float>)
    return HWY_DYNAMIC_DISPATCH(tiles_f32)();
  else
    return HWY_DYNAMIC_DISPATCH(tiles_f64)();
}

/// Cuts `rows` rows into tiles that read or write about 32K values of `row_values` each.
template <class F>
void for_rows(int64_t rows, int64_t row_values, const F& f) {
  parallel_range(rows, std::max<int64_t>(1, (1 << 15) / std::max<int64_t>(row_values, 1)), f);
}
int64_t input_values_of_output_row(const Pool2dGeometry& g) {
  return g.in_w * g.channels * std::min(g.stride, g.kernel);
}

}  // namespace

template <Device D, class T, class Index>
void max_pool2d_forward(const Pool2dGeometry& g, const T* x, T* y, Index* argmax) {
  for_rows(g.n * g.out_h, input_values_of_output_row(g), [&](int64_t begin, int64_t end) {
    if constexpr (std::is_same_v<Index, uint8_t>)
      best_tiles<T>().max_forward_u8(g, begin, end, x, y, argmax);
    else
      best_tiles<T>().max_forward_i32(g, begin, end, x, y, argmax);
  });
}

template <Device D, class T, class Index>
void max_pool2d_backward(const Pool2dGeometry& g, const T* dy, const Index* argmax, T* dx) {
  for_rows(g.n * g.in_h, g.in_w * g.channels, [&](int64_t begin, int64_t end) {
    if constexpr (std::is_same_v<Index, uint8_t>)
      best_tiles<T>().max_backward_u8(g, begin, end, dy, argmax, dx);
    else
      best_tiles<T>().max_backward_i32(g, begin, end, dy, argmax, dx);
  });
}

template <Device D, class T>
void avg_pool2d_forward(const Pool2dGeometry& g, bool count_include_pad, const T* x, T* y) {
  for_rows(g.n * g.out_h, input_values_of_output_row(g), [&](int64_t begin, int64_t end) {
    best_tiles<T>().avg_forward(g, count_include_pad, begin, end, x, y);
  });
}

template <Device D, class T>
void avg_pool2d_backward(const Pool2dGeometry& g, bool count_include_pad, const T* dy, T* dx) {
  for_rows(g.n * g.in_h, g.in_w * g.channels, [&](int64_t begin, int64_t end) {
    best_tiles<T>().avg_backward(g, count_include_pad, begin, end, dy, dx);
  });
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
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

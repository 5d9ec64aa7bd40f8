#include "tensor/kernels/upsample.h"

#include <algorithm>
#include <vector>

#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/upsample.cpp"
#include "tensor/cpu/simd.h"

#ifndef PIXELGRAD_TENSOR_CPU_UPSAMPLE
#define PIXELGRAD_TENSOR_CPU_UPSAMPLE
namespace pixelgrad::kernels {

/// For each input coordinate of one axis the output coordinates that read it, with their weights:
/// those of input i stand at [first[i], first[i + 1]).
struct AxisReaders {
  struct Reader {
    int64_t out;
    double weight;
  };
  std::vector<int64_t> first;
  std::vector<Reader> readers;
};

/// Each works on rows [begin, end) of the n * out_h output rows (forward) or n * in_h input rows
/// (backward), on one thread.
template <class T>
struct UpsampleTiles {
  void (*nearest)(const UpsampleGeometry& g, const int64_t* source_y, const int64_t* source_x,
                  int64_t begin, int64_t end, const T* x, T* y);
  void (*bilinear)(const UpsampleGeometry& g, const LinearSource* source_y,
                   const LinearSource* source_x, int64_t begin, int64_t end, const T* x, T* y);
  void (*gather)(const UpsampleGeometry& g, const AxisReaders& ys, const AxisReaders& xs,
                 int64_t begin, int64_t end, const T* dy, T* dx);
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
  const int64_t row_values = g.in_w * g.channels;
  for (int64_t row = begin; row < end; ++row) {
    const LinearSource sy = source_y[row % g.out_h];
    const T* low = x + (row / g.out_h * g.in_h + sy.low) * row_values;
    const T* high = x + (row / g.out_h * g.in_h + sy.high) * row_values;
    T* out = y + row * g.out_w * g.channels;
    for (int64_t ox = 0; ox < g.out_w; ++ox, out += g.channels) {
      const LinearSource sx = source_x[ox];
      const T w00 = static_cast<T>((1 - sy.weight) * (1 - sx.weight));
      const T w01 = static_cast<T>((1 - sy.weight) * sx.weight);
      const T w10 = static_cast<T>(sy.weight * (1 - sx.weight));
      const T w11 = static_cast<T>(sy.weight * sx.weight);
      const int64_t left = sx.low * g.channels, right = sx.high * g.channels;
      for (int64_t c = 0; c < g.channels; ++c)
        out[c] = (w00 * low[left + c] + w01 * low[right + c]) +
                 (w10 * high[left + c] + w11 * high[right + c]);
    }
  }
}

template <class T>
void gather(const UpsampleGeometry& g, const AxisReaders& ys, const AxisReaders& xs, int64_t begin,
            int64_t end, const T* dy, T* dx) {
  const int64_t row_values = g.out_w * g.channels;
  // Rows first, then columns: an input pixel with k x k readers costs k + k and not k * k.
  std::vector<T> sums(static_cast<size_t>(row_values));
  T* column = sums.data();
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / g.in_h, iy = row % g.in_h;
    std::fill_n(column, row_values, T{0});
    for (int64_t i = ys.first[static_cast<size_t>(iy)]; i < ys.first[static_cast<size_t>(iy) + 1];
         ++i) {
      const AxisReaders::Reader reader = ys.readers[static_cast<size_t>(i)];
      const T weight = static_cast<T>(reader.weight);
      const T* in = dy + (image * g.out_h + reader.out) * row_values;
      for (int64_t c = 0; c < row_values; ++c) column[c] += weight * in[c];
    }
    T* out = dx + row * g.in_w * g.channels;
    for (int64_t ix = 0; ix < g.in_w; ++ix, out += g.channels) {
      std::fill_n(out, g.channels, T{0});
      for (int64_t i = xs.first[static_cast<size_t>(ix)]; i < xs.first[static_cast<size_t>(ix) + 1];
           ++i) {
        const AxisReaders::Reader reader = xs.readers[static_cast<size_t>(i)];
        const T weight = static_cast<T>(reader.weight);
        const T* in = column + reader.out * g.channels;
        for (int64_t c = 0; c < g.channels; ++c) out[c] += weight * in[c];
      }
    }
  }
}

template <class T>
UpsampleTiles<T> tiles() {
  return {.nearest = nearest<T>, .bilinear = bilinear<T>, .gather = gather<T>};
}
UpsampleTiles<float> tiles_f32() { return tiles<float>(); }
UpsampleTiles<double> tiles_f64() { return tiles<double>(); }

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {

HWY_EXPORT(tiles_f32);
HWY_EXPORT(tiles_f64);
template <class T>
UpsampleTiles<T> best_tiles() {
  if constexpr (std::is_same_v<T, float>)
    return HWY_DYNAMIC_DISPATCH(tiles_f32)();
  else
    return HWY_DYNAMIC_DISPATCH(tiles_f64)();
}

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

/// Turns "output o reads input in[o] with weight w[o]" around.
AxisReaders readers_of(int64_t in_size, const std::vector<LinearSource>& sources) {
  std::vector<std::vector<AxisReaders::Reader>> of(static_cast<size_t>(in_size));
  for (size_t o = 0; o < sources.size(); ++o) {
    const LinearSource& s = sources[o];
    of[static_cast<size_t>(s.low)].push_back({static_cast<int64_t>(o), 1 - s.weight});
    if (s.weight != 0)
      of[static_cast<size_t>(s.high)].push_back({static_cast<int64_t>(o), s.weight});
  }
  AxisReaders axis{{0}, {}};
  for (const auto& readers : of) {
    axis.readers.insert(axis.readers.end(), readers.begin(), readers.end());
    axis.first.push_back(static_cast<int64_t>(axis.readers.size()));
  }
  return axis;
}

/// A nearest source as a linear one, whose weight is all on one pixel.
std::vector<LinearSource> as_linear(const std::vector<int64_t>& nearest) {
  std::vector<LinearSource> sources;
  for (int64_t i : nearest) sources.push_back({i, i, 0});
  return sources;
}

/// Cuts `rows` rows into tiles of about 32K output values; a row has `row_values`.
template <class F>
void for_rows(int64_t rows, int64_t row_values, const F& f) {
  parallel_range(rows, std::max<int64_t>(1, (1 << 15) / std::max<int64_t>(row_values, 1)), f);
}

template <class T>
void gather_rows(const UpsampleGeometry& g, const AxisReaders& ys, const AxisReaders& xs,
                 const T* dy, T* dx) {
  const int64_t readers_a_row = std::max<int64_t>(1, g.out_h / std::max<int64_t>(g.in_h, 1));
  for_rows(g.n * g.in_h, g.out_w * g.channels * readers_a_row, [&](int64_t begin, int64_t end) {
    best_tiles<T>().gather(g, ys, xs, begin, end, dy, dx);
  });
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
  gather_rows(g, readers_of(g.in_h, as_linear(nearest_sources(g.in_h, g.out_h))),
              readers_of(g.in_w, as_linear(nearest_sources(g.in_w, g.out_w))), dy, dx);
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
  gather_rows(g, readers_of(g.in_h, linear_sources(g.in_h, g.out_h, align_corners)),
              readers_of(g.in_w, linear_sources(g.in_w, g.out_w, align_corners)), dy, dx);
}

#define PIXELGRAD_INSTANTIATE(T)                                                                   \
  template void upsample_nearest_forward<Device::cpu, T>(const UpsampleGeometry&, const T*, T*);   \
  template void upsample_nearest_backward<Device::cpu, T>(const UpsampleGeometry&, const T*, T*);  \
  template void upsample_bilinear_forward<Device::cpu, T>(const UpsampleGeometry&, bool, const T*, \
                                                          T*);                                     \
  template void upsample_bilinear_backward<Device::cpu, T>(const UpsampleGeometry&, bool,          \
                                                           const T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

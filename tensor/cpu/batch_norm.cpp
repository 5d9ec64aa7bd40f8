#include "tensor/kernels/batch_norm.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/batch_norm.cpp"
#include "tensor/cpu/simd.h"

// Every pass reads x as rows of `width` values: as many whole pixels as make a multiple of 16
// values, so that 3 channels are as fast as 64. Per-channel numbers are repeated to that width.
// What is left over after the last whole row is the `tail`, at most a row, and is done by a plain
// loop.

#ifndef PIXELGRAD_TENSOR_CPU_BATCH_NORM
#define PIXELGRAD_TENSOR_CPU_BATCH_NORM
namespace pixelgrad::kernels {
template <class T>
struct BatchNormTiles {
  /// sum[c] += x - shift[c], square[c] += (x - shift[c])^2 over rows
  void (*moments)(int64_t rows, int64_t width, int64_t tail, const T* x, const double* shift,
                  double* sum, double* square);
  /// sum[c] += dy, product[c] += dy (x - shift[c]) over rows
  void (*gradient_sums)(int64_t rows, int64_t width, int64_t tail, const T* x, const T* dy,
                        const double* shift, double* sum, double* product);
  /// y = (x - mean[c]) scale[c] + offset[c]
  void (*normalize)(int64_t rows, int64_t width, int64_t tail, const T* x, const T* mean,
                    const T* scale, const T* offset, T* y);
  /// dx = scale[c] dy - slope[c] (x - mean[c]) - offset[c]
  void (*backward_input)(int64_t rows, int64_t width, int64_t tail, const T* x, const T* dy,
                         const T* mean, const T* scale, const T* slope, const T* offset, T* dx);
};
}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t block = 16;          // columns whose sums are in registers
constexpr int64_t rows_at_a_time = 8;  // rows added before the sums go back to memory

/// Lanes of f64, whatever the element type is.
template <class D>
hn::Vec<D> load_f64(D d, const double* x) {
  return hn::LoadU(d, x);
}
template <class D>
hn::Vec<D> load_f64(D d, const float* x) {
  return hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, D>(), x));
}

template <class T>
void moments(int64_t rows, int64_t width, int64_t tail, const T* x, const double* shift,
             double* sum, double* square) {
  const hn::ScalableTag<double> d;
  constexpr int64_t lanes = hn::MaxLanes(d);
  constexpr int64_t vectors = block / lanes;
  for (int64_t row = 0; row < rows; row += rows_at_a_time) {
    const int64_t end = std::min(rows, row + rows_at_a_time);
    for (int64_t c = 0; c < width; c += block) {
      hn::Vec<decltype(d)> s[vectors], q[vectors], base[vectors];
      HWY_UNROLL(8)
      for (int64_t v = 0; v < vectors; ++v) {
        base[v] = hn::LoadU(d, shift + c + v * lanes);
        s[v] = hn::LoadU(d, sum + c + v * lanes);
        q[v] = hn::LoadU(d, square + c + v * lanes);
      }
      for (int64_t r = row; r < end; ++r) {
        const T* at = x + r * width + c;
        HWY_UNROLL(8)
        for (int64_t v = 0; v < vectors; ++v) {
          const auto value = hn::Sub(load_f64(d, at + v * lanes), base[v]);
          s[v] = hn::Add(s[v], value);
          q[v] = hn::MulAdd(value, value, q[v]);
        }
      }
      HWY_UNROLL(8)
      for (int64_t v = 0; v < vectors; ++v) {
        hn::StoreU(s[v], d, sum + c + v * lanes);
        hn::StoreU(q[v], d, square + c + v * lanes);
      }
    }
  }
  for (int64_t c = 0; c < tail; ++c) {
    const double value = static_cast<double>(x[rows * width + c]) - shift[c];
    sum[c] += value;
    square[c] += value * value;
  }
}

template <class T>
void gradient_sums(int64_t rows, int64_t width, int64_t tail, const T* x, const T* dy,
                   const double* shift, double* sum, double* product) {
  const hn::ScalableTag<double> d;
  constexpr int64_t lanes = hn::MaxLanes(d);
  constexpr int64_t vectors = block / lanes;
  for (int64_t row = 0; row < rows; row += rows_at_a_time) {
    const int64_t end = std::min(rows, row + rows_at_a_time);
    for (int64_t c = 0; c < width; c += block) {
      hn::Vec<decltype(d)> s[vectors], q[vectors], base[vectors];
      HWY_UNROLL(8)
      for (int64_t v = 0; v < vectors; ++v) {
        base[v] = hn::LoadU(d, shift + c + v * lanes);
        s[v] = hn::LoadU(d, sum + c + v * lanes);
        q[v] = hn::LoadU(d, product + c + v * lanes);
      }
      for (int64_t r = row; r < end; ++r) {
        const int64_t at = r * width + c;
        HWY_UNROLL(8)
        for (int64_t v = 0; v < vectors; ++v) {
          const auto g = load_f64(d, dy + at + v * lanes);
          s[v] = hn::Add(s[v], g);
          q[v] = hn::MulAdd(g, hn::Sub(load_f64(d, x + at + v * lanes), base[v]), q[v]);
        }
      }
      HWY_UNROLL(8)
      for (int64_t v = 0; v < vectors; ++v) {
        hn::StoreU(s[v], d, sum + c + v * lanes);
        hn::StoreU(q[v], d, product + c + v * lanes);
      }
    }
  }
  for (int64_t c = 0; c < tail; ++c) {
    const double g = static_cast<double>(dy[rows * width + c]);
    sum[c] += g;
    product[c] += g * (static_cast<double>(x[rows * width + c]) - shift[c]);
  }
}

template <class T>
void normalize(int64_t rows, int64_t width, int64_t tail, const T* x, const T* mean, const T* scale,
               const T* offset, T* y) {
  for (int64_t r = 0; r <= rows; ++r, x += width, y += width) {
    const int64_t n = r < rows ? width : tail;
    for (int64_t c = 0; c < n; ++c) y[c] = (x[c] - mean[c]) * scale[c] + offset[c];
  }
}

template <class T>
void backward_input(int64_t rows, int64_t width, int64_t tail, const T* x, const T* dy,
                    const T* mean, const T* scale, const T* slope, const T* offset, T* dx) {
  for (int64_t r = 0; r <= rows; ++r, x += width, dy += width, dx += width) {
    const int64_t n = r < rows ? width : tail;
    for (int64_t c = 0; c < n; ++c)
      dx[c] = scale[c] * dy[c] - (slope[c] * (x[c] - mean[c]) + offset[c]);
  }
}

template <class T>
BatchNormTiles<T> tiles() {
  return {.moments = moments<T>,
          .gradient_sums = gradient_sums<T>,
          .normalize = normalize<T>,
          .backward_input = backward_input<T>};
}
BatchNormTiles<float> tiles_f32() { return tiles<float>(); }
BatchNormTiles<double> tiles_f64() { return tiles<double>(); }

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {

HWY_EXPORT(tiles_f32);
HWY_EXPORT(tiles_f64);
template <class T>
BatchNormTiles<T> best_tiles() {
  if constexpr (std::is_same_v<T, float>)
    return HWY_DYNAMIC_DISPATCH(tiles_f32)();
  else
    return HWY_DYNAMIC_DISPATCH(tiles_f64)();
}

/// How [pixels, channels] is cut: rows of `width` values, and tiles of whole rows of about 32K
/// values, all by shape alone.
struct Cut {
  Cut(int64_t pixels_, int64_t channels_) : pixels(pixels_), channels(channels_) {
    const int64_t least = std::lcm(channels, int64_t{16});
    width = least * ((64 + least - 1) / least);  // short rows cost loop overhead
    const int64_t pixels_a_row = width / channels;
    pixels_a_tile = pixels_a_row * std::max<int64_t>(1, (1 << 15) / width);
    tiles = (pixels + pixels_a_tile - 1) / pixels_a_tile;
  }

  /// A per-channel vector repeated to the width of a row, as type To.
  template <class To, class Value>
  std::vector<To> repeat(const Value& value) const {
    std::vector<To> row(static_cast<size_t>(width));
    for (int64_t c = 0; c < channels; ++c) row[static_cast<size_t>(c)] = static_cast<To>(value(c));
    for (size_t i = static_cast<size_t>(channels); i < row.size(); ++i)
      row[i] = row[i - static_cast<size_t>(channels)];
    return row;
  }

  /// Adds up the pixels of a row: sums [width] -> out [channels].
  void fold(const std::vector<double>& sums, double* out) const {
    for (int64_t c = 0; c < channels; ++c) {
      double total = 0;
      for (int64_t i = c; i < width; i += channels) total += sums[static_cast<size_t>(i)];
      out[c] = total;
    }
  }

  /// Calls f(tile, first value, rows, tail) for every tile, in parallel.
  template <class F>
  void for_tiles(const F& f) const {
    parallel_for(tiles, [&](int64_t tile) {
      const int64_t begin = tile * pixels_a_tile * channels;
      const int64_t n = std::min(pixels_a_tile * channels, pixels * channels - begin);
      f(tile, begin, n / width, n % width);
    });
  }

  int64_t pixels, channels, width, pixels_a_tile, tiles;
};

double inverse_deviation(double variance, double eps) { return 1 / std::sqrt(variance + eps); }

}  // namespace

template <Device D, class T>
void batch_norm_statistics(int64_t pixels, int64_t channels, const T* x, double* mean,
                           double* variance) {
  const Cut cut(pixels, channels);
  const auto moments = best_tiles<T>().moments;
  // Each tile's own first pixel is what its values are taken relative to, so that a large mean does
  // not cancel digits; tiles are merged by the formula of Chan, Golub and LeVeque (1979).
  std::vector<double> tile_mean(static_cast<size_t>(cut.tiles * channels));
  std::vector<double> tile_square(tile_mean.size());
  const auto pixels_of = [&](int64_t tile) {
    return std::min(cut.pixels_a_tile, pixels - tile * cut.pixels_a_tile);
  };
  cut.for_tiles([&](int64_t tile, int64_t begin, int64_t rows, int64_t tail) {
    const auto shift = cut.repeat<double>([&](int64_t c) { return x[begin + c]; });
    std::vector<double> sum(shift.size()), square(shift.size());
    moments(rows, cut.width, tail, x + begin, shift.data(), sum.data(), square.data());
    double* m = tile_mean.data() + tile * channels;
    double* s = tile_square.data() + tile * channels;
    cut.fold(sum, m);
    cut.fold(square, s);
    const double n = static_cast<double>(pixels_of(tile));
    for (int64_t c = 0; c < channels; ++c) {
      s[c] = std::max(s[c] - m[c] * m[c] / n, 0.0);  // in this order a NaN stays
      m[c] = shift[static_cast<size_t>(c)] + m[c] / n;
    }
  });
  std::copy_n(tile_mean.data(), channels, mean);
  std::copy_n(tile_square.data(), channels, variance);
  double n = static_cast<double>(pixels_of(0));
  for (int64_t tile = 1; tile < cut.tiles; ++tile) {
    const double* m = tile_mean.data() + tile * channels;
    const double* s = tile_square.data() + tile * channels;
    const double more = static_cast<double>(pixels_of(tile)), all = n + more;
    for (int64_t c = 0; c < channels; ++c) {
      const double delta = m[c] - mean[c];
      mean[c] += delta * more / all;
      variance[c] += s[c] + delta * delta * n * more / all;
    }
    n = all;
  }
  for (int64_t c = 0; c < channels; ++c) variance[c] /= n;
}

template <Device D, class T>
void batch_norm_update_running(int64_t pixels, int64_t channels, const double* mean,
                               const double* variance, double momentum, T* running_mean,
                               T* running_variance) {
  const double n = static_cast<double>(pixels);
  const double unbiased = pixels > 1 ? n / (n - 1) : 1;
  const auto mix = [&](T old, double batch) {
    return static_cast<T>((1 - momentum) * static_cast<double>(old) + momentum * batch);
  };
  for (int64_t c = 0; c < channels; ++c) {
    running_mean[c] = mix(running_mean[c], mean[c]);
    running_variance[c] = mix(running_variance[c], unbiased * variance[c]);
  }
}

template <Device D, class T>
void batch_norm_normalize(int64_t pixels, int64_t channels, const T* x, const double* mean,
                          const double* variance, double eps, const T* gamma, const T* beta, T* y) {
  const Cut cut(pixels, channels);
  const auto normalize = best_tiles<T>().normalize;
  const auto center = cut.repeat<T>([&](int64_t c) { return mean[c]; });
  const auto scale = cut.repeat<T>([&](int64_t c) {
    return (gamma ? static_cast<double>(gamma[c]) : 1.0) * inverse_deviation(variance[c], eps);
  });
  const auto offset = cut.repeat<T>([&](int64_t c) { return beta ? beta[c] : T{0}; });
  cut.for_tiles([&](int64_t, int64_t begin, int64_t rows, int64_t tail) {
    normalize(rows, cut.width, tail, x + begin, center.data(), scale.data(), offset.data(),
              y + begin);
  });
}

template <Device D, class T>
void batch_norm_backward_sums(int64_t pixels, int64_t channels, const T* x, const T* dy,
                              const double* mean, const double* variance, double eps,
                              double* dgamma, double* dbeta) {
  const Cut cut(pixels, channels);
  const auto gradient_sums = best_tiles<T>().gradient_sums;
  const auto center = cut.repeat<double>([&](int64_t c) { return mean[c]; });
  std::vector<double> tile_sum(static_cast<size_t>(cut.tiles * channels));
  std::vector<double> tile_product(tile_sum.size());
  cut.for_tiles([&](int64_t tile, int64_t begin, int64_t rows, int64_t tail) {
    std::vector<double> sum(center.size()), product(center.size());
    gradient_sums(rows, cut.width, tail, x + begin, dy + begin, center.data(), sum.data(),
                  product.data());
    cut.fold(sum, tile_sum.data() + tile * channels);
    cut.fold(product, tile_product.data() + tile * channels);
  });
  std::fill_n(dbeta, channels, 0.0);
  std::fill_n(dgamma, channels, 0.0);
  for (int64_t tile = 0; tile < cut.tiles; ++tile)
    for (int64_t c = 0; c < channels; ++c) {
      dbeta[c] += tile_sum[static_cast<size_t>(tile * channels + c)];
      dgamma[c] += tile_product[static_cast<size_t>(tile * channels + c)];
    }
  for (int64_t c = 0; c < channels; ++c) dgamma[c] *= inverse_deviation(variance[c], eps);
}

template <Device D, class T>
void batch_norm_backward_input(int64_t pixels, int64_t channels, const T* x, const T* dy,
                               const double* mean, const double* variance, double eps,
                               const T* gamma, const double* dgamma, const double* dbeta, T* dx) {
  const Cut cut(pixels, channels);
  const auto backward_input = best_tiles<T>().backward_input;
  const double n = static_cast<double>(pixels);
  const auto factor = [&](int64_t c) {
    return (gamma ? static_cast<double>(gamma[c]) : 1.0) * inverse_deviation(variance[c], eps);
  };
  const auto center = cut.repeat<T>([&](int64_t c) { return mean[c]; });
  const auto scale = cut.repeat<T>(factor);
  const auto slope = cut.repeat<T>([&](int64_t c) {
    return dgamma ? factor(c) * inverse_deviation(variance[c], eps) * dgamma[c] / n : 0;
  });
  const auto offset =
      cut.repeat<T>([&](int64_t c) { return dbeta ? factor(c) * dbeta[c] / n : 0; });
  cut.for_tiles([&](int64_t, int64_t begin, int64_t rows, int64_t tail) {
    backward_input(rows, cut.width, tail, x + begin, dy + begin, center.data(), scale.data(),
                   slope.data(), offset.data(), dx + begin);
  });
}

#define PIXELGRAD_INSTANTIATE(T)                                                                 \
  template void batch_norm_statistics<Device::cpu, T>(int64_t, int64_t, const T*, double*,       \
                                                      double*);                                  \
  template void batch_norm_update_running<Device::cpu, T>(int64_t, int64_t, const double*,       \
                                                          const double*, double, T*, T*);        \
  template void batch_norm_normalize<Device::cpu, T>(                                            \
      int64_t, int64_t, const T*, const double*, const double*, double, const T*, const T*, T*); \
  template void batch_norm_backward_sums<Device::cpu, T>(int64_t, int64_t, const T*, const T*,   \
                                                         const double*, const double*, double,   \
                                                         double*, double*);                      \
  template void batch_norm_backward_input<Device::cpu, T>(                                       \
      int64_t, int64_t, const T*, const T*, const double*, const double*, double, const T*,      \
      const double*, const double*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

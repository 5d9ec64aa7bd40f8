#include "tensor/cpu/norm_tiles.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/norm_tiles.cpp"
#include "tensor/cpu/simd.h"

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

// Along a group each sum is 16 independent ones: the order is fixed and yet there are no stalls.
constexpr int chains = 16;

inline double total(const double (&sums)[chains]) {
  double all = 0;
  for (double s : sums) all += s;
  return all;
}

/// Calls f(i, chain) for i in [0, n).
template <class F>
HWY_INLINE void in_chains(int64_t n, const F& f) {
  int64_t i = 0;
  for (; i + chains <= n; i += chains)
    for (int j = 0; j < chains; ++j) f(i + j, j);
  for (int j = 0; i < n; ++i, ++j) f(i, j);
}

template <class T>
void group_moments(int64_t n, const T* x, double* mean, double* variance) {
  // Relative to the first value, so that a large mean does not cancel digits.
  const double shift = static_cast<double>(x[0]), count = static_cast<double>(n);
  double sum[chains] = {}, square[chains] = {};
  in_chains(n, [&](int64_t i, int j) {
    const double value = static_cast<double>(x[i]) - shift;
    sum[j] += value;
    square[j] += value * value;
  });
  const double s = total(sum);
  *mean = shift + s / count;
  *variance = std::max((total(square) - s * s / count) / count, 0.0);  // in this order a NaN stays
}

template <class T>
void group_normalize(int64_t n, const T* x, T mean, T inverse, const T* gamma, const T* beta,
                     T* y) {
  if (gamma)
    for (int64_t c = 0; c < n; ++c) y[c] = (x[c] - mean) * inverse * gamma[c];
  else
    for (int64_t c = 0; c < n; ++c) y[c] = (x[c] - mean) * inverse;
  if (beta)
    for (int64_t c = 0; c < n; ++c) y[c] += beta[c];
}

template <class T>
void group_gradient_sums(int64_t n, const T* x, const T* dy, double mean, const T* gamma,
                         double* sum, double* product) {
  double s[chains] = {}, p[chains] = {};
  const auto add = [&](int64_t i, int j, double g) {
    s[j] += g;
    p[j] += g * (static_cast<double>(x[i]) - mean);
  };
  if (gamma)
    in_chains(n, [&](int64_t i, int j) {
      add(i, j, static_cast<double>(gamma[i]) * static_cast<double>(dy[i]));
    });
  else
    in_chains(n, [&](int64_t i, int j) { add(i, j, static_cast<double>(dy[i])); });
  *sum = total(s);
  *product = total(p);
}

template <class T>
void group_backward_input(int64_t n, const T* x, const T* dy, T mean, T inverse, T slope, T offset,
                          const T* gamma, T* dx) {
  if (gamma)
    for (int64_t c = 0; c < n; ++c)
      dx[c] = inverse * gamma[c] * dy[c] - (slope * (x[c] - mean) + offset);
  else
    for (int64_t c = 0; c < n; ++c) dx[c] = inverse * dy[c] - (slope * (x[c] - mean) + offset);
}

template <class T>
void group_backward_affine(int64_t n, const T* x, const T* dy, double mean, double inverse,
                           double* dgamma, double* dbeta) {
  for (int64_t c = 0; c < n; ++c) {
    const double g = static_cast<double>(dy[c]);
    dbeta[c] += g;
    dgamma[c] += g * (static_cast<double>(x[c]) - mean) * inverse;
  }
}

template <class T>
NormTiles<T> tiles() {
  return {.moments = moments<T>,
          .gradient_sums = gradient_sums<T>,
          .normalize = normalize<T>,
          .backward_input = backward_input<T>,
          .group_moments = group_moments<T>,
          .group_normalize = group_normalize<T>,
          .group_gradient_sums = group_gradient_sums<T>,
          .group_backward_input = group_backward_input<T>,
          .group_backward_affine = group_backward_affine<T>};
}
PIXELGRAD_TARGET_TILES(NormTiles)

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {
PIXELGRAD_BEST_TILES(NormTiles)
}  // namespace

template <class T>
NormTiles<T> norm_tiles() {
  return best_tiles<T>();
}
template NormTiles<float> norm_tiles<float>();
template NormTiles<double> norm_tiles<double>();

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

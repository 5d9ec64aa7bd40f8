#include "tensor/cpu/norm_tiles.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/norm_group_tiles.cpp"
#include "tensor/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {

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
void moments(int64_t n, const T* x, double* mean, double* variance) {
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
void normalize(int64_t n, const T* x, T mean, T inverse, const T* gamma, const T* beta, T* y) {
  if (gamma)
    for (int64_t c = 0; c < n; ++c) y[c] = (x[c] - mean) * inverse * gamma[c];
  else
    for (int64_t c = 0; c < n; ++c) y[c] = (x[c] - mean) * inverse;
  if (beta)
    for (int64_t c = 0; c < n; ++c) y[c] += beta[c];
}

template <class T>
void gradient_sums(int64_t n, const T* x, const T* dy, double mean, const T* gamma, double* sum,
                   double* product) {
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
void backward_input(int64_t n, const T* x, const T* dy, T mean, T inverse, T slope, T offset,
                    const T* gamma, T* dx) {
  if (gamma)
    for (int64_t c = 0; c < n; ++c)
      dx[c] = inverse * gamma[c] * dy[c] - (slope * (x[c] - mean) + offset);
  else
    for (int64_t c = 0; c < n; ++c) dx[c] = inverse * dy[c] - (slope * (x[c] - mean) + offset);
}

template <class T>
void backward_affine(int64_t n, const T* x, const T* dy, double mean, double inverse,
                     double* dgamma, double* dbeta) {
  for (int64_t c = 0; c < n; ++c) {
    const double g = static_cast<double>(dy[c]);
    dbeta[c] += g;
    dgamma[c] += g * (static_cast<double>(x[c]) - mean) * inverse;
  }
}

template <class T>
NormGroupTiles<T> tiles() {
  return {.moments = moments<T>,
          .normalize = normalize<T>,
          .gradient_sums = gradient_sums<T>,
          .backward_input = backward_input<T>,
          .backward_affine = backward_affine<T>};
}
PIXELGRAD_TARGET_TILES(NormGroupTiles)

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {
PIXELGRAD_BEST_TILES(NormGroupTiles)
}  // namespace

template <class T>
NormGroupTiles<T> norm_group_tiles() {
  return best_tiles<T>();
}
template NormGroupTiles<float> norm_group_tiles<float>();
template NormGroupTiles<double> norm_group_tiles<double>();

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

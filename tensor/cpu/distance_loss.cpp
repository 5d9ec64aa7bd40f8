#include "tensor/kernels/distance_loss.h"

#include <cmath>

#include "tensor/cpu/sum_tiles.h"
#include "tensor/mutant_internal.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/distance_loss.cpp"
#include "tensor/cpu/simd.h"

#ifndef PIXELGRAD_TENSOR_CPU_DISTANCE_LOSS
#define PIXELGRAD_TENSOR_CPU_DISTANCE_LOSS
namespace pixelgrad::kernels {
template <class T>
struct DistanceLossTiles {
  double (*sum_of_squares)(int64_t n, const T* a, const T* b);
  double (*sum_of_magnitudes)(int64_t n, const T* a, const T* b);
  void (*scaled_difference)(int64_t n, const T* a, const T* b, T scale, T* y);
  void (*scaled_sign)(int64_t n, const T* a, const T* b, T scale, T* y);
};
}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {

/// Sum of f(a - b), as independent sums: their order is fixed and yet there are no stalls.
template <class T, class F>
HWY_INLINE double sum_of_differences(int64_t n, const T* a, const T* b, const F& f) {
  constexpr int chains = 16;
  double sums[chains] = {};
  const auto at = [&](int64_t i) {
    return f(static_cast<double>(a[i]) - static_cast<double>(b[i]));
  };
  int64_t i = 0;
  for (; i + chains <= n; i += chains)
    for (int j = 0; j < chains; ++j) sums[j] += at(i + j);
  for (int j = 0; i < n; ++i, ++j) sums[j] += at(i);
  double total = 0;
  for (double s : sums) total += s;
  return total;
}

template <class T>
double sum_of_squares(int64_t n, const T* a, const T* b) {
  return sum_of_differences(n, a, b, [](double d) { return d * d; });
}

template <class T>
double sum_of_magnitudes(int64_t n, const T* a, const T* b) {
  return sum_of_differences(n, a, b, [](double d) { return std::abs(d); });
}

template <class T>
void scaled_difference(int64_t n, const T* a, const T* b, T scale, T* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = scale * (a[i] - b[i]);
}

template <class T>
void scaled_sign(int64_t n, const T* a, const T* b, T scale, T* y) {
  for (int64_t i = 0; i < n; ++i) {
    const T d = a[i] - b[i];
    y[i] = d > 0 ? scale : d < 0 ? -scale : d;  // 0 or NaN
  }
}

template <class T>
DistanceLossTiles<T> tiles() {
  return {.sum_of_squares = sum_of_squares<T>,
          .sum_of_magnitudes = sum_of_magnitudes<T>,
          .scaled_difference = scaled_difference<T>,
          .scaled_sign = scaled_sign<T>};
}
PIXELGRAD_TARGET_TILES(DistanceLossTiles)

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {

PIXELGRAD_BEST_TILES(DistanceLossTiles)

constexpr int64_t values_a_tile = 1 << 15;

template <class T>
T mean_of(double (*tile)(int64_t, const T*, const T*), int64_t n, const T* x, const T* target) {
  const double sum = sum_tiles(n, values_a_tile, [&](int64_t begin, int64_t end) {
    return tile(end - begin, x + begin, target + begin);
  });
  return static_cast<T>(sum /
                        PIXELGRAD_MUTANT(distance_loss_is_a_sum, static_cast<double>(n), 1.0));
}

template <class T>
void gradient(void (*tile)(int64_t, const T*, const T*, T, T*), double scale, int64_t n, const T* x,
              const T* target, T* dx) {
  parallel_range(n, values_a_tile, [&](int64_t i, int64_t end) {
    tile(end - i, x + i, target + i, static_cast<T>(scale), dx + i);
  });
}

}  // namespace

template <Device D, class T>
void mse_forward(int64_t n, const T* x, const T* target, T* loss) {
  *loss = mean_of(best_tiles<T>().sum_of_squares, n, x, target);
}

template <Device D, class T>
void mse_backward(int64_t n, const T* x, const T* target, const T* dloss, T* dx) {
  const double factor = PIXELGRAD_MUTANT(mse_backward_without_factor_two, 2.0, 1.0);
  gradient(best_tiles<T>().scaled_difference,
           factor * static_cast<double>(*dloss) / static_cast<double>(n), n, x, target, dx);
}

template <Device D, class T>
void l1_forward(int64_t n, const T* x, const T* target, T* loss) {
  *loss = mean_of(best_tiles<T>().sum_of_magnitudes, n, x, target);
}

template <Device D, class T>
void l1_backward(int64_t n, const T* x, const T* target, const T* dloss, T* dx) {
  const double count = PIXELGRAD_MUTANT(l1_backward_of_the_sum, static_cast<double>(n), 1.0);
  gradient(best_tiles<T>().scaled_sign, static_cast<double>(*dloss) / count, n, x, target, dx);
}

#define PIXELGRAD_INSTANTIATE(T)                                                         \
  template void mse_forward<Device::cpu, T>(int64_t, const T*, const T*, T*);            \
  template void mse_backward<Device::cpu, T>(int64_t, const T*, const T*, const T*, T*); \
  template void l1_forward<Device::cpu, T>(int64_t, const T*, const T*, T*);             \
  template void l1_backward<Device::cpu, T>(int64_t, const T*, const T*, const T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

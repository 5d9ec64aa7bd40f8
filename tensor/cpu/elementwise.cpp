#include "tensor/kernels/elementwise.h"

#include <algorithm>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/elementwise.cpp"
#include "tensor/cpu/simd.h"

#ifndef PIXELGRAD_TENSOR_CPU_ELEMENTWISE
#define PIXELGRAD_TENSOR_CPU_ELEMENTWISE
namespace pixelgrad::kernels {
/// What is compiled per SIMD target: each works on one tile, on one thread.
template <class T>
struct ElementwiseTiles {
  void (*add)(int64_t n, const T* a, const T* b, T* y);
  void (*scale)(int64_t n, const T* a, compute_t<T> scale, T* y);
  double (*sum)(int64_t n, const T* x);
  bool (*all_finite)(int64_t n, const T* x);
};
}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {

// Loops without an order of their own are left to the compiler, which vectorises them per target.

template <class T>
void add(int64_t n, const T* a, const T* b, T* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(a[i] + b[i]);
}

template <class T>
void scale(int64_t n, const T* a, compute_t<T> scale, T* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(a[i] * scale);
}

template <class T>
double sum(int64_t n, const T* x) {
  constexpr int lanes = 16;  // independent sums: the order is fixed and yet there are no stalls
  double sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int j = 0; j < lanes; ++j) sums[j] += static_cast<double>(x[i + j]);
  for (int j = 0; i < n; ++i, ++j) sums[j] += static_cast<double>(x[i]);
  double total = 0;
  for (double s : sums) total += s;
  return total;
}

template <class T>
bool all_finite(int64_t n, const T* x) {
  // x - x is 0 for a finite x and NaN for NaN and infinities; adding keeps a NaN.
  constexpr int lanes = 32;
  using Sum = compute_t<T>;
  Sum sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int j = 0; j < lanes; ++j) sums[j] += x[i + j] - x[i + j];
  for (int j = 0; i < n; ++i, ++j) sums[j] += x[i] - x[i];
  return std::all_of(sums, sums + lanes, [](Sum s) { return s == 0; });
}

template <class T>
ElementwiseTiles<T> tiles() {
  return {.add = add<T>, .scale = scale<T>, .sum = sum<T>, .all_finite = all_finite<T>};
}
PIXELGRAD_TARGET_ACTIVATION_TILES(ElementwiseTiles)

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {

PIXELGRAD_BEST_ACTIVATION_TILES(ElementwiseTiles)

constexpr int64_t grain = 1 << 15;  // small tensors stay on one thread

}  // namespace

template <Device D, class T>
void add(int64_t n, const T* a, const T* b, T* y) {
  const auto tile = best_tiles<T>().add;
  parallel_range(n, grain, [&](int64_t i, int64_t end) { tile(end - i, a + i, b + i, y + i); });
}

template <Device D, class T>
void scale(int64_t n, const T* a, double scale, T* y) {
  const auto tile = best_tiles<T>().scale;
  const T factor = static_cast<T>(scale);
  parallel_range(n, grain, [&](int64_t i, int64_t end) { tile(end - i, a + i, factor, y + i); });
}

template <Device D, class T>
void scale_by(int64_t n, const T* a, const T* factor, T* y) {
  if (*factor == 1 && a == y) return;  // the usual gradient of a loss
  scale<D, T>(n, a, static_cast<double>(*factor), y);
}

template <Device D, class T>
void broadcast(int64_t n, const T* value, double scale, T* y) {
  const T fill = static_cast<T>(scale * static_cast<double>(*value));
  parallel_range(n, grain, [&](int64_t i, int64_t end) { std::fill(y + i, y + end, fill); });
}

template <Device D, class T>
double sum(int64_t n, const T* x) {
  const auto tile = best_tiles<T>().sum;
  std::vector<double> partial(static_cast<size_t>((n + grain - 1) / grain));
  parallel_range(n, grain, [&](int64_t i, int64_t end) {
    partial[static_cast<size_t>(i / grain)] = tile(end - i, x + i);
  });
  double total = 0;
  for (double p : partial) total += p;
  return total;
}

template <Device D, class T>
bool all_finite(int64_t n, const T* x) {
  const auto tile = best_tiles<T>().all_finite;
  std::vector<char> partial(static_cast<size_t>((n + grain - 1) / grain));
  parallel_range(n, grain, [&](int64_t i, int64_t end) {
    partial[static_cast<size_t>(i / grain)] = tile(end - i, x + i);
  });
  return std::all_of(partial.begin(), partial.end(), [](char ok) { return ok; });
}

#define PIXELGRAD_INSTANTIATE(T)                                           \
  template void scale<Device::cpu, T>(int64_t, const T*, double, T*);      \
  template void scale_by<Device::cpu, T>(int64_t, const T*, const T*, T*); \
  template void broadcast<Device::cpu, T>(int64_t, const T*, double, T*);  \
  template double sum<Device::cpu, T>(int64_t, const T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE
#define PIXELGRAD_INSTANTIATE(T)                                      \
  template void add<Device::cpu, T>(int64_t, const T*, const T*, T*); \
  template bool all_finite<Device::cpu, T>(int64_t, const T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

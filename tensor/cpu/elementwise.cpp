#include "tensor/kernels/elementwise.h"

#include <algorithm>
#include <vector>

#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/elementwise.cpp"
#include "tensor/cpu/simd.h"
// After simd.h: highway.h first, then what builds on it.
#include <hwy/contrib/math/math-inl.h>

#ifndef PIXELGRAD_TENSOR_CPU_ELEMENTWISE
#define PIXELGRAD_TENSOR_CPU_ELEMENTWISE
namespace pixelgrad::kernels {
/// What is compiled per SIMD target: each works on one tile, on one thread.
template <class T>
struct ElementwiseTiles {
  void (*add)(int64_t n, const T* a, const T* b, T* y);
  void (*mul)(int64_t n, const T* a, const T* b, T* y);
  void (*scale)(int64_t n, const T* a, T scale, T* y);
  void (*leaky_relu_forward)(int64_t n, const T* x, T slope, T* y);
  void (*leaky_relu_backward)(int64_t n, const T* y, const T* dy, T slope, T* dx);
  void (*sigmoid_forward)(int64_t n, const T* x, T* y);
  void (*sigmoid_backward)(int64_t n, const T* y, const T* dy, T* dx);
  double (*sum)(int64_t n, const T* x);
  bool (*all_finite)(int64_t n, const T* x);
};
}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// Loops without an order of their own are left to the compiler, which vectorises them per target.

template <class T>
void add(int64_t n, const T* a, const T* b, T* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
}

template <class T>
void mul(int64_t n, const T* a, const T* b, T* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] * b[i];
}

template <class T>
void scale(int64_t n, const T* a, T scale, T* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] * scale;
}

template <class T>
void leaky_relu_forward(int64_t n, const T* x, T slope, T* y) {
  // slope 0 apart: 0 * x is -0 for a negative x and NaN for an infinite one
  if (slope == 0)
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] <= 0 ? 0 : x[i];
  else
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] > 0 ? x[i] : slope * x[i];
}

template <class T>
void leaky_relu_backward(int64_t n, const T* y, const T* dy, T slope, T* dx) {
  if (slope == 0)
    for (int64_t i = 0; i < n; ++i) dx[i] = y[i] > 0 ? dy[i] : 0;
  else
    for (int64_t i = 0; i < n; ++i) dx[i] = y[i] > 0 ? dy[i] : slope * dy[i];
}

/// With e = exp(-|x|), which cannot overflow: 1 / (1 + e) for x >= 0, else e / (1 + e).
template <class D, class V = hn::Vec<D>>
V sigmoid(D d, V x) {
  const V one = hn::Set(d, 1);
  const V e = hn::Exp(d, hn::Neg(hn::Abs(x)));
  const V y = hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Add(one, e));
  return hn::IfThenElse(hn::IsNaN(x), x, y);  // Exp(NaN) is 0
}

template <class T>
void sigmoid_forward(int64_t n, const T* x, T* y) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(sigmoid(d, hn::LoadU(d, x + i)), d, y + i);
  const hn::CappedTag<T, 1> d1;
  for (; i < n; ++i) hn::StoreU(sigmoid(d1, hn::LoadU(d1, x + i)), d1, y + i);
}

template <class T>
void sigmoid_backward(int64_t n, const T* y, const T* dy, T* dx) {
  for (int64_t i = 0; i < n; ++i) dx[i] = dy[i] * y[i] * (1 - y[i]);
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
  T sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int j = 0; j < lanes; ++j) sums[j] += x[i + j] - x[i + j];
  for (int j = 0; i < n; ++i, ++j) sums[j] += x[i] - x[i];
  return std::all_of(sums, sums + lanes, [](T s) { return s == 0; });
}

template <class T>
ElementwiseTiles<T> tiles() {
  return {.add = add<T>,
          .mul = mul<T>,
          .scale = scale<T>,
          .leaky_relu_forward = leaky_relu_forward<T>,
          .leaky_relu_backward = leaky_relu_backward<T>,
          .sigmoid_forward = sigmoid_forward<T>,
          .sigmoid_backward = sigmoid_backward<T>,
          .sum = sum<T>,
          .all_finite = all_finite<T>};
}
ElementwiseTiles<float> tiles_f32() { return tiles<float>(); }
ElementwiseTiles<double> tiles_f64() { return tiles<double>(); }

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {

HWY_EXPORT(tiles_f32);
HWY_EXPORT(tiles_f64);
template <class T>
ElementwiseTiles<T> best_tiles() {
  if constexpr (std::is_same_v<T, float>)
    return HWY_DYNAMIC_DISPATCH(tiles_f32)();
  else
    return HWY_DYNAMIC_DISPATCH(tiles_f64)();
}

constexpr int64_t grain = 1 << 15;  // small tensors stay on one thread

}  // namespace

template <Device D, class T>
void add(int64_t n, const T* a, const T* b, T* y) {
  const auto tile = best_tiles<T>().add;
  parallel_range(n, grain, [&](int64_t i, int64_t end) { tile(end - i, a + i, b + i, y + i); });
}

template <Device D, class T>
void mul(int64_t n, const T* a, const T* b, T* y) {
  const auto tile = best_tiles<T>().mul;
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
void leaky_relu_forward(int64_t n, const T* x, double slope, T* y) {
  const auto tile = best_tiles<T>().leaky_relu_forward;
  const T factor = static_cast<T>(slope);
  parallel_range(n, grain, [&](int64_t i, int64_t end) { tile(end - i, x + i, factor, y + i); });
}

template <Device D, class T>
void leaky_relu_backward(int64_t n, const T* y, const T* dy, double slope, T* dx) {
  const auto tile = best_tiles<T>().leaky_relu_backward;
  const T factor = static_cast<T>(slope);
  parallel_range(n, grain,
                 [&](int64_t i, int64_t end) { tile(end - i, y + i, dy + i, factor, dx + i); });
}

template <Device D, class T>
void sigmoid_forward(int64_t n, const T* x, T* y) {
  const auto tile = best_tiles<T>().sigmoid_forward;
  parallel_range(n, grain, [&](int64_t i, int64_t end) { tile(end - i, x + i, y + i); });
}

template <Device D, class T>
void sigmoid_backward(int64_t n, const T* y, const T* dy, T* dx) {
  const auto tile = best_tiles<T>().sigmoid_backward;
  parallel_range(n, grain, [&](int64_t i, int64_t end) { tile(end - i, y + i, dy + i, dx + i); });
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

#define PIXELGRAD_INSTANTIATE(T)                                                              \
  template void add<Device::cpu, T>(int64_t, const T*, const T*, T*);                         \
  template void mul<Device::cpu, T>(int64_t, const T*, const T*, T*);                         \
  template void scale<Device::cpu, T>(int64_t, const T*, double, T*);                         \
  template void scale_by<Device::cpu, T>(int64_t, const T*, const T*, T*);                    \
  template void broadcast<Device::cpu, T>(int64_t, const T*, double, T*);                     \
  template void leaky_relu_forward<Device::cpu, T>(int64_t, const T*, double, T*);            \
  template void leaky_relu_backward<Device::cpu, T>(int64_t, const T*, const T*, double, T*); \
  template void sigmoid_forward<Device::cpu, T>(int64_t, const T*, T*);                       \
  template void sigmoid_backward<Device::cpu, T>(int64_t, const T*, const T*, T*);            \
  template double sum<Device::cpu, T>(int64_t, const T*);                                     \
  template bool all_finite<Device::cpu, T>(int64_t, const T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

#include "tensor/kernels/unary.h"

#include "tensor/dtype.h"
#include "tensor/mutant_internal.h"
#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/unary.cpp"
#include "tensor/cpu/simd.h"
// After simd.h: highway.h first, then what builds on it.
#include "tensor/cpu/lanes-inl.h"

#ifndef PIXELGRAD_TENSOR_CPU_UNARY
#define PIXELGRAD_TENSOR_CPU_UNARY
namespace pixelgrad::kernels {
/// Each works on one tile, on one thread.
template <class T>
struct UnaryTiles {
  void (*forward)(UnaryOp op, const UnaryParameters& p, int64_t n, const T* x, T* y);
  void (*backward)(UnaryOp op, const UnaryParameters& p, int64_t n, const T* saved, const T* dy,
                   T* dx);
};
}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {
#include "tensor/kernels/unary-inl.h"

// The values behind the last whole vector go through a padded one: a value is computed by the same
// instructions wherever it lies.

template <class T>
struct Forward {
  int64_t n;
  const T* x;
  T* y;

  template <class Formula>
  void operator()(const Formula& formula) const {
    using V = Lanes<compute_t<T>>;
    int64_t i = 0;
    for (; i + V::count() <= n; i += V::count()) formula.forward(V::load(x + i)).store(y + i);
    if (i == n) return;
    T rest[V::most] = {};
    std::copy(x + i, x + n, rest);
    formula.forward(V::load(rest)).store(rest);
    std::copy_n(rest, n - i, y + i);
  }
};

template <class T>
struct Backward {
  int64_t n;
  const T *saved, *dy;
  T* dx;

  template <class Formula>
  void operator()(const Formula& formula) const {
    using V = Lanes<compute_t<T>>;
    int64_t i = 0;
    for (; i + V::count() <= n; i += V::count())
      formula.backward(V::load(saved + i), V::load(dy + i)).store(dx + i);
    if (i == n) return;
    T rest[V::most] = {}, gradient[V::most] = {};
    std::copy(saved + i, saved + n, rest);
    std::copy(dy + i, dy + n, gradient);
    formula.backward(V::load(rest), V::load(gradient)).store(rest);
    std::copy_n(rest, n - i, dx + i);
  }
};

template <class T>
void forward(UnaryOp op, const UnaryParameters& p, int64_t n, const T* x, T* y) {
  with_formula<Lanes<compute_t<T>>>(op, p, Forward<T>{n, x, y});
}

template <class T>
void backward(UnaryOp op, const UnaryParameters& p, int64_t n, const T* saved, const T* dy, T* dx) {
  with_formula<Lanes<compute_t<T>>>(op, p, Backward<T>{n, saved, dy, dx});
}

template <class T>
UnaryTiles<T> tiles() {
  return {.forward = forward<T>, .backward = backward<T>};
}
PIXELGRAD_TARGET_ACTIVATION_TILES(UnaryTiles)

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {
PIXELGRAD_BEST_ACTIVATION_TILES(UnaryTiles)

constexpr int64_t grain = 1 << 15;  // small tensors stay on one thread
}  // namespace

template <Device D, class T>
void unary_forward(UnaryOp op, const UnaryParameters& p, int64_t n, const T* x, T* y) {
  const auto tile = best_tiles<T>().forward;
  parallel_range(n, grain, [&](int64_t i, int64_t end) { tile(op, p, end - i, x + i, y + i); });
}

template <Device D, class T>
void unary_backward(UnaryOp op, const UnaryParameters& p, int64_t n, const T* saved, const T* dy,
                    T* dx) {
  const auto tile = best_tiles<T>().backward;
  parallel_range(n, grain,
                 [&](int64_t i, int64_t end) { tile(op, p, end - i, saved + i, dy + i, dx + i); });
}

#define PIXELGRAD_INSTANTIATE(T)                                                                   \
  template void unary_forward<Device::cpu, T>(UnaryOp, const UnaryParameters&, int64_t, const T*,  \
                                              T*);                                                 \
  template void unary_backward<Device::cpu, T>(UnaryOp, const UnaryParameters&, int64_t, const T*, \
                                               const T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

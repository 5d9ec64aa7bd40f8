#include "tensor/kernels/unary.h"

#include "tensor/mutant_internal.h"
#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/unary.cpp"
#include "tensor/cpu/simd.h"
// After simd.h: highway.h first, then what builds on it.
#include "tensor/cpu/lanes-inl.h"

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
    using V = Lanes<T>;
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
    using V = Lanes<T>;
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

void forward_f32(UnaryOp op, const UnaryParameters& p, int64_t n, const float* x, float* y) {
  with_formula<Lanes<float>>(op, p, Forward<float>{n, x, y});
}
void forward_f64(UnaryOp op, const UnaryParameters& p, int64_t n, const double* x, double* y) {
  with_formula<Lanes<double>>(op, p, Forward<double>{n, x, y});
}
void backward_f32(UnaryOp op, const UnaryParameters& p, int64_t n, const float* saved,
                  const float* dy, float* dx) {
  with_formula<Lanes<float>>(op, p, Backward<float>{n, saved, dy, dx});
}
void backward_f64(UnaryOp op, const UnaryParameters& p, int64_t n, const double* saved,
                  const double* dy, double* dx) {
  with_formula<Lanes<double>>(op, p, Backward<double>{n, saved, dy, dx});
}

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {
HWY_EXPORT(forward_f32);
HWY_EXPORT(forward_f64);
HWY_EXPORT(backward_f32);
HWY_EXPORT(backward_f64);

constexpr int64_t grain = 1 << 15;  // small tensors stay on one thread
}  // namespace

template <Device D, class T>
void unary_forward(UnaryOp op, const UnaryParameters& p, int64_t n, const T* x, T* y) {
  parallel_range(n, grain, [&](int64_t i, int64_t end) {
    if constexpr (std::is_same_v<T, float>)
      HWY_DYNAMIC_DISPATCH(forward_f32)(op, p, end - i, x + i, y + i);
    else
      HWY_DYNAMIC_DISPATCH(forward_f64)(op, p, end - i, x + i, y + i);
  });
}

template <Device D, class T>
void unary_backward(UnaryOp op, const UnaryParameters& p, int64_t n, const T* saved, const T* dy,
                    T* dx) {
  parallel_range(n, grain, [&](int64_t i, int64_t end) {
    if constexpr (std::is_same_v<T, float>)
      HWY_DYNAMIC_DISPATCH(backward_f32)(op, p, end - i, saved + i, dy + i, dx + i);
    else
      HWY_DYNAMIC_DISPATCH(backward_f64)(op, p, end - i, saved + i, dy + i, dx + i);
  });
}

#define PIXELGRAD_INSTANTIATE(T)                                                                   \
  template void unary_forward<Device::cpu, T>(UnaryOp, const UnaryParameters&, int64_t, const T*,  \
                                              T*);                                                 \
  template void unary_backward<Device::cpu, T>(UnaryOp, const UnaryParameters&, int64_t, const T*, \
                                               const T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

// A SIMD vector that reads like a number, and the elementary functions of it. Compiled once per
// SIMD target (Highway's include guard for such headers flips with each target).
#if defined(PIXELGRAD_TENSOR_CPU_LANES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef PIXELGRAD_TENSOR_CPU_LANES_INL
#undef PIXELGRAD_TENSOR_CPU_LANES_INL
#else
#define PIXELGRAD_TENSOR_CPU_LANES_INL
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tensor/cpu/bf16-inl.h"

// The constants of a formula then stay in registers from one vector to the next.
#undef PIXELGRAD_FORMULA
#define PIXELGRAD_FORMULA HWY_INLINE

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

/// A formula that is a template on its type of number holds for a T and for a vector of T alike:
///
///   template <class V> V softsign(V x) { return x / (1 + abs(x)); }
template <class T>
struct Lanes {
  using Value = T;
  using D = hn::ScalableTag<T>;
  using Mask = hn::Mask<D>;
  hn::Vec<D> v;

  HWY_INLINE Lanes(hn::Vec<D> lanes) : v(lanes) {}
  HWY_INLINE Lanes(T value) : v(hn::Set(D(), value)) {}

  static constexpr size_t most = hn::MaxLanes(D());
  static HWY_INLINE int64_t count() { return static_cast<int64_t>(hn::Lanes(D())); }
  /// From and to values of T or, where that is float, of bf16.
  template <class Stored>
  static HWY_INLINE Lanes load(const Stored* from) {
    return load_values(D(), from);
  }
  template <class Stored>
  HWY_INLINE void store(Stored* to) const {
    store_values(D(), v, to);
  }

  friend HWY_INLINE Lanes operator+(Lanes a, Lanes b) { return hn::Add(a.v, b.v); }
  friend HWY_INLINE Lanes operator-(Lanes a, Lanes b) { return hn::Sub(a.v, b.v); }
  friend HWY_INLINE Lanes operator*(Lanes a, Lanes b) { return hn::Mul(a.v, b.v); }
  friend HWY_INLINE Lanes operator/(Lanes a, Lanes b) { return hn::Div(a.v, b.v); }
  friend HWY_INLINE Lanes operator-(Lanes a) { return hn::Neg(a.v); }
  friend HWY_INLINE Mask operator<(Lanes a, Lanes b) { return hn::Lt(a.v, b.v); }
  friend HWY_INLINE Mask operator<=(Lanes a, Lanes b) { return hn::Le(a.v, b.v); }
  friend HWY_INLINE Mask operator>(Lanes a, Lanes b) { return hn::Gt(a.v, b.v); }
  friend HWY_INLINE Mask operator>=(Lanes a, Lanes b) { return hn::Ge(a.v, b.v); }
  friend HWY_INLINE Mask operator==(Lanes a, Lanes b) { return hn::Eq(a.v, b.v); }

  /// Lane by lane, `yes` where the condition holds, else `no`.
  friend HWY_INLINE Lanes select(Mask condition, Lanes yes, Lanes no) {
    return hn::IfThenElse(condition, yes.v, no.v);
  }
};

// Highway's functions are right to a few units in the last place inside a range; here they keep
// IEEE's promises outside it as well: overflow gives infinity, and a NaN stays one.

template <class T>
HWY_INLINE Lanes<T> nan_where_nan(Lanes<T> x, Lanes<T> y) {
  return hn::IfThenElse(hn::IsNaN(x.v), x.v, y.v);
}

template <class T>
HWY_INLINE Lanes<T> abs(Lanes<T> x) {
  return hn::Abs(x.v);
}

template <class T>
HWY_INLINE Lanes<T> sqrt(Lanes<T> x) {
  return hn::Sqrt(x.v);
}

template <class T>
HWY_INLINE Lanes<T> exp(Lanes<T> x) {
  const Lanes<T> limit = sizeof(T) == 4 ? 104 : 1000;  // beyond both infinity and Highway's range
  return nan_where_nan<T>(x, hn::Exp(typename Lanes<T>::D(), hn::Min(x.v, limit.v)));
}

/// exp(x) - 1 without the loss of digits near 0.
template <class T>
HWY_INLINE Lanes<T> expm1(Lanes<T> x) {
  const Lanes<T> limit = sizeof(T) == 4 ? 104 : 1000;
  return nan_where_nan<T>(x, hn::Expm1(typename Lanes<T>::D(), hn::Min(x.v, limit.v)));
}

template <class T>
HWY_INLINE Lanes<T> log(Lanes<T> x) {
  const Lanes<T> infinity = std::numeric_limits<T>::infinity();
  Lanes<T> y = hn::Log(typename Lanes<T>::D(), x.v);
  y = select(x == infinity, x, y);
  y = select(x >= 0, y, std::numeric_limits<T>::quiet_NaN());
  return select(x == 0, -infinity, y);
}

/// log(1 + x) without the loss of digits near 0, for 0 <= x <= 1 or NaN.
template <class T>
HWY_INLINE Lanes<T> log1p(Lanes<T> x) {
  return nan_where_nan<T>(x, hn::Log1p(typename Lanes<T>::D(), x.v));
}

template <class T>
HWY_INLINE Lanes<T> tanh(Lanes<T> x) {
  return nan_where_nan<T>(x, hn::Tanh(typename Lanes<T>::D(), x.v));
}

/// The standard library's, one lane at a time: exp(b log a) would lose digits.
template <class T>
HWY_INLINE Lanes<T> pow(Lanes<T> base, Lanes<T> exponent) {
  T a[Lanes<T>::most], b[Lanes<T>::most];
  base.store(a);
  exponent.store(b);
  for (int64_t i = 0; i < Lanes<T>::count(); ++i) a[i] = std::pow(a[i], b[i]);
  return Lanes<T>::load(a);
}

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

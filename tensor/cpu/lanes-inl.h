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
  using D = hn::ScalableTag<T>;
  using Mask = hn::Mask<D>;
  hn::Vec<D> v;

  HWY_INLINE Lanes(hn::Vec<D> lanes) : v(lanes) {}
  HWY_INLINE Lanes(T value) : v(hn::Set(D(), value)) {}

  static constexpr size_t most = hn::MaxLanes(D());
  static HWY_INLINE int64_t count() { return static_cast<int64_t>(hn::Lanes(D())); }
  static HWY_INLINE Lanes load(const T* from) { return hn::LoadU(D(), from); }
  HWY_INLINE void store(T* to) const { hn::StoreU(v, D(), to); }

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

/// Mills' ratio (1 - Phi(z)) / phi(z) of the standard normal distribution, for z >= 0 where
/// (1 + z) times it is smooth in t = (z - 5) / (z + 5); Shepherd and Laframboise, "Chebyshev
/// approximation of (1 + 2x) exp(x^2) erfc(x)", Math. Comp. 36, 1981, has the idea. f32 needs the
/// first 13 coefficients only.
template <class T>
HWY_INLINE Lanes<T> mills_ratio(Lanes<T> z) {
  constexpr double chebyshev[] = {
      1.1579976221305187124,      -0.16334493884513979578,    -0.013683136055781578663,
      0.030822000198100042856,    -0.016220073012046799764,   0.005616691016460101839,
      -0.0014133933783549155591,  0.00025026254607256738977,  -0.000024689072397287796587,
      -1.0107964061912928731e-6,  7.495419179660216033e-7,    -7.6002742692538396811e-8,
      -1.1574771441689230022e-8,  3.3333864772235043433e-9,   7.5380403939484899111e-11,
      -1.1104246511340823562e-10, 3.5092480941968187302e-12,  3.689494780236951643e-12,
      -2.3377218265668275984e-13, -1.3272557393013508467e-13, 9.9148671467122594004e-15,
      5.272714047484130564e-15,   -3.3576619457867884555e-16, -2.2238894579784585696e-16};
  constexpr int terms = sizeof(T) == 4 ? 13 : 24;
  const Lanes<T> t = (z - 5) / (z + 5), twice = t + t;
  Lanes<T> next = 0, after = 0;  // Clenshaw's recurrence, highest term first
  for (int k = terms - 1; k > 0; --k) {
    const Lanes<T> sum = twice * next + (static_cast<T>(chebyshev[k]) - after);
    after = next;
    next = sum;
  }
  return (t * next + (static_cast<T>(chebyshev[0]) - after)) / (1 + z);
}

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

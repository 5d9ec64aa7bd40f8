#pragma once
#include <cmath>

#include "tensor/device.h"

// What stands before the formulas of tensor/kernels/*-inl.h on this backend.
#undef PIXELGRAD_FORMULA
#define PIXELGRAD_FORMULA PIXELGRAD_HD inline

namespace pixelgrad::cuda {

/// One value with the operators and functions that the formulas of tensor/kernels/*-inl.h use: a
/// kernel's thread computes for one what a SIMD vector computes for several.
template <class T>
struct Number {
  using Value = T;
  T v;

  PIXELGRAD_HD Number(T value) : v(value) {}

  friend PIXELGRAD_HD Number operator+(Number a, Number b) { return a.v + b.v; }
  friend PIXELGRAD_HD Number operator-(Number a, Number b) { return a.v - b.v; }
  friend PIXELGRAD_HD Number operator*(Number a, Number b) { return a.v * b.v; }
  friend PIXELGRAD_HD Number operator/(Number a, Number b) { return a.v / b.v; }
  friend PIXELGRAD_HD Number operator-(Number a) { return -a.v; }
  friend PIXELGRAD_HD bool operator<(Number a, Number b) { return a.v < b.v; }
  friend PIXELGRAD_HD bool operator<=(Number a, Number b) { return a.v <= b.v; }
  friend PIXELGRAD_HD bool operator>(Number a, Number b) { return a.v > b.v; }
  friend PIXELGRAD_HD bool operator>=(Number a, Number b) { return a.v >= b.v; }
  friend PIXELGRAD_HD bool operator==(Number a, Number b) { return a.v == b.v; }

  friend PIXELGRAD_HD Number select(bool condition, Number yes, Number no) {
    return condition ? yes : no;
  }
  friend PIXELGRAD_HD Number abs(Number x) { return std::abs(x.v); }
  friend PIXELGRAD_HD Number sqrt(Number x) { return std::sqrt(x.v); }
  friend PIXELGRAD_HD Number exp(Number x) { return std::exp(x.v); }
  friend PIXELGRAD_HD Number expm1(Number x) { return std::expm1(x.v); }
  friend PIXELGRAD_HD Number log(Number x) { return std::log(x.v); }
  friend PIXELGRAD_HD Number log1p(Number x) { return std::log1p(x.v); }
  friend PIXELGRAD_HD Number tanh(Number x) { return std::tanh(x.v); }
  friend PIXELGRAD_HD Number pow(Number base, Number exponent) {
    return std::pow(base.v, exponent.v);
  }
};

}  // namespace pixelgrad::cuda

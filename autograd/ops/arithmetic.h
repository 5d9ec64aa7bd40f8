#pragma once
#include "autograd/graph.h"

// Arithmetic, value by value. The operands have one dtype, and shapes that broadcast as in NumPy
// and PyTorch: they are aligned at the last dimension, and a missing dimension or one of size 1 is
// repeated, so [C], [N,1,1,C] and a scalar all go with [N,H,W,C]. The gradient of a repeated
// operand is the sum over the repetitions, in an order that depends on the shapes alone.
namespace pixelgrad {

/// a + b. Keeps nothing.
Tensor add(const Tensor& a, const Tensor& b);

/// a - b. Keeps nothing.
Tensor sub(const Tensor& a, const Tensor& b);

/// a b. Keeps each operand that the gradient of the other needs.
Tensor mul(const Tensor& a, const Tensor& b);

/// a / b. Keeps b, and its output for the gradient of b.
Tensor div(const Tensor& a, const Tensor& b);

/// base^exponent. The gradient of the exponent, y log(base), needs base > 0, or base = 0 with an
/// exponent >= 0, where it is 0. Keeps both, and its output for the gradient of the exponent.
Tensor pow(const Tensor& base, const Tensor& exponent);

/// x^exponent. Keeps x.
Tensor pow(const Tensor& x, double exponent);

/// factor * x. Keeps nothing.
Tensor scale(const Tensor& x, double factor);

/// A scalar with the dtype and device of `like`: the number in `x + 1`.
inline Tensor scalar_like(const Tensor& like, double value) {
  return Tensor::scalar(value, like.dtype(), like.device());
}

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator-(const Tensor& x) { return scale(x, -1); }
inline Tensor operator+(const Tensor& x, double y) { return add(x, scalar_like(x, y)); }
inline Tensor operator+(double x, const Tensor& y) { return add(scalar_like(y, x), y); }
inline Tensor operator-(const Tensor& x, double y) { return sub(x, scalar_like(x, y)); }
inline Tensor operator-(double x, const Tensor& y) { return sub(scalar_like(y, x), y); }
inline Tensor operator*(double factor, const Tensor& x) { return scale(x, factor); }
inline Tensor operator*(const Tensor& x, double factor) { return scale(x, factor); }
inline Tensor operator/(const Tensor& x, double y) { return div(x, scalar_like(x, y)); }
inline Tensor operator/(double x, const Tensor& y) { return div(scalar_like(y, x), y); }

}  // namespace pixelgrad

#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

/// a + b, element by element; both of one shape and dtype. Keeps nothing.
Tensor add(const Tensor& a, const Tensor& b);

/// a * b, element by element; both of one shape and dtype. Keeps each input that the gradient of
/// the other needs.
Tensor mul(const Tensor& a, const Tensor& b);

/// factor * x. Keeps nothing.
Tensor scale(const Tensor& x, double factor);

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator*(double factor, const Tensor& x) { return scale(x, factor); }
inline Tensor operator*(const Tensor& x, double factor) { return scale(x, factor); }

}  // namespace pixelgrad

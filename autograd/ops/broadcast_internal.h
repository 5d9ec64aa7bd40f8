#pragma once
#include "autograd/ops/checks_internal.h"
#include "tensor/kernels/broadcast.h"

// What ops share that repeat a smaller input.
namespace pixelgrad {

/// The shape that `a` and `b` broadcast to: aligned at the last dimension, and of two sizes that
/// differ one must be 1. Throws Error, naming both shapes.
Shape broadcast_shape(const char* op, const Shape& a, const Shape& b);

/// `x` as an input of a kernel that works on `shape`; no data where x is undefined.
template <class T>
kernels::Operand<T> operand(const Tensor& x, const Shape& shape) {
  if (!x.defined()) return {};
  return {x.data<T>(), kernels::broadcast_axes(x.shape(), shape)};
}

/// The gradient of an input of shape `shape` from that of the shape it was repeated to: the sum
/// over what was repeated. dy itself where the shapes are equal.
[[nodiscard]] Tensor sum_to(const Tensor& dy, const Shape& shape);

}  // namespace pixelgrad

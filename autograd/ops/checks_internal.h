#pragma once
#include "tensor/tensor.h"

// Checks that many ops share.
namespace pixelgrad {

/// Throws unless `x` is defined and holds f32 or f64.
inline void check_floating(const char* op, const char* name, const Tensor& x) {
  check(x.defined(), "[", op, "] ", name, " is undefined");
  check(is_floating(x.dtype()), "[", op, "] ", name, " holds ", x.dtype(), ", expected f32 or f64");
}

/// Throws unless `x` is defined and holds f32, f64 or bf16.
inline void check_activation(const char* op, const char* name, const Tensor& x) {
  check(x.defined(), "[", op, "] ", name, " is undefined");
  check(is_activation(x.dtype()), "[", op, "] ", name, " holds ", x.dtype(),
        ", expected f32, f64 or bf16");
}

/// Throws unless `x` is an image batch [N,H,W,C] of f32, f64 or bf16.
inline void check_image(const char* op, const Tensor& x) {
  check_activation(op, "input", x);
  check(x.dims() == 4, "[", op, "] input is ", x.shape(), ", expected [N,H,W,C]");
}

/// Throws unless `b` has a's dtype and device.
inline void check_same_kind(const char* op, const char* a_name, const Tensor& a, const char* b_name,
                            const Tensor& b) {
  check(a.dtype() == b.dtype(), "[", op, "] ", a_name, " holds ", a.dtype(), " and ", b_name, " ",
        b.dtype(), ", expected one dtype");
  check(a.device() == b.device(), "[", op, "] ", a_name, " lies on ", a.device(), " and ", b_name,
        " on ", b.device(), ", expected one device");
}

/// `axis` as an index of x's shape; a negative one counts from the back. Throws unless x has it.
inline size_t checked_axis(const char* op, int axis, const Tensor& x) {
  check(axis >= -x.dims() && axis < x.dims(), "[", op, "] axis is ", axis, ", expected ", -x.dims(),
        " to ", x.dims() - 1, " (input ", x.shape(), ")");
  return static_cast<size_t>(axis < 0 ? axis + x.dims() : axis);
}

}  // namespace pixelgrad

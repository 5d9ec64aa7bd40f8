#pragma once
#include "autograd/graph.h"
#include "tensor/kernels/unary.h"

namespace pixelgrad {

/// The differentiable op called `op` that applies a formula of tensor/kernels/unary-inl.h to each
/// value of x, of f32 or f64.
[[nodiscard]] Tensor apply_unary(const char* op, kernels::UnaryOp formula, const Tensor& x,
                                 const kernels::UnaryParameters& parameters = {});

}  // namespace pixelgrad

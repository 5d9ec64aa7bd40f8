#pragma once
#include "autograd/graph.h"
#include "tensor/kernels/norm.h"

// What batch, group, instance and layer norm share. The formulas stand in tensor/kernels/norm.h.
namespace pixelgrad {

/// The statistics that a norm divides by, f64 [samples, groups], and whether they are constants:
/// else they come from x, and the gradient runs through them.
struct NormStatistics {
  Tensor mean, variance;
  bool constant = false;
};

/// Those of x itself.
NormStatistics norm_statistics(const kernels::NormGeometry& g, const Tensor& x);

/// All of a norm but its tensors.
struct Norm {
  kernels::NormGeometry g;
  NormStatistics statistics;
  double eps;
  bool relu = false;
  /// Whether what reads the value keeps how to compute it again (autograd/saved.h).
  bool recipe = false;
};

/// What a norm is computed from; gamma, beta and residual may be undefined.
struct NormInputs {
  Tensor x, gamma, beta, residual = {};
};

/// y = gamma (x - mean) / sqrt(variance + eps) + beta + residual, and max(y, 0) of that where relu,
/// recorded as `op`. Keeps x, gamma and the statistics; for a ReLU or a recipe beta and the
/// residual too.
[[nodiscard]] Tensor normalize(const char* op, const Norm& norm, const NormInputs& in);

/// Throws unless `t` is undefined or has the shape `expected` and x's dtype and device.
void check_norm_argument(const char* op, const char* name, const Tensor& t, const Shape& expected,
                         const Tensor& x);

/// The same of a parameter or a running statistic, which are f32 where x is bf16.
void check_norm_parameter(const char* op, const char* name, const Tensor& t, const Shape& expected,
                          const Tensor& x);

}  // namespace pixelgrad

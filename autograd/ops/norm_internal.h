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

/// y = gamma (x - mean) / sqrt(variance + eps) + beta, recorded as `op`. Keeps x, gamma and the
/// statistics.
[[nodiscard]] Tensor normalize(const char* op, const kernels::NormGeometry& g, const Tensor& x,
                               const NormStatistics& statistics, double eps, const Tensor& gamma,
                               const Tensor& beta);

/// Throws unless `t` is undefined or has the shape `expected` and x's dtype and device.
void check_norm_argument(const char* op, const char* name, const Tensor& t, const Shape& expected,
                         const Tensor& x);

}  // namespace pixelgrad

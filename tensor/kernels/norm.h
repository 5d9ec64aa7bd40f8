#pragma once
#include <cstdint>

#include "tensor/device.h"
#include "tensor/dtype.h"

// Normalisation by the mean and the variance of groups of values. Batch, group, instance and layer
// norm differ only in what a group is. x is seen as [samples, positions, groups, group_size]; a
// group is all that shares the sample and the group index:
//
//                    samples   positions   groups   group_size
//   batch norm       1         N H W       C        1
//   group norm       N         H W         G        C / G
//   instance norm    N         H W         C        1
//   layer norm       N H W     1           1        C           (over the channels of each pixel)
//
// mean and variance are f64 [samples, groups], gamma and beta [groups * group_size]: one value a
// channel. With n = positions * group_size values in a group and xhat = (x - mean) / sqrt(variance
// + eps),
//   y = gamma xhat + beta
//   dgamma = sum of dy xhat, dbeta = sum of dy, over samples and positions
//   dx = (gamma dy - a - b xhat) / sqrt(variance + eps),
//        a = sum over the group of gamma dy / n, b = sum over the group of gamma dy xhat / n
// where mean and variance come from x; where they are constants a = b = 0. A group of one value has
// variance 0, and y = beta. Sums are f64, in an order that depends on the shape alone.
//
// In one pass with the norm, a residual [as x] can be added and a ReLU applied:
//   pre = gamma xhat + beta + residual,  y = max(pre, 0) where relu, else pre.
// The backward does not read y: it computes pre once more, by the same instructions, and takes dy
// only where pre > 0; that is the residual's gradient, and dy in the formulas above.
//
// T may be bf16, in which x, y, the residual and their gradients are stored, for groups of one
// channel. All else is f32, or f64 as above, and each result is rounded once.
namespace pixelgrad::kernels {

struct NormGeometry {
  int64_t samples = 1, positions = 1, groups = 1, group_size = 1;

  PIXELGRAD_HD constexpr int64_t channels() const { return groups * group_size; }
  /// The group of a channel.
  PIXELGRAD_HD constexpr int64_t group_of(int64_t channel) const { return channel / group_size; }
};

/// mean and biased variance of each group. No group may be empty.
template <Device D, class T>
void norm_statistics(const NormGeometry& g, const T* x, double* mean, double* variance);

/// What y is computed from. gamma, beta and residual may be null (1, 0 and 0); residual and relu
/// are for groups of one channel only.
template <class T>
struct NormArguments {
  NormGeometry g;
  const T* x;
  const double *mean, *variance;
  bool constant_statistics;  ///< mean and variance do not come from x
  double eps;
  const compute_t<T>*gamma, *beta;
  const T* residual;
  bool relu;
};

/// y as above; it may be x or the residual.
template <Device D, class T>
void norm_apply(const NormArguments<T>& in, T* y);

/// Each may be null where it is not wanted. dx or dresidual may be dy, as long as the other is not.
template <class T>
struct NormGradients {
  T* dx;
  compute_t<T>*dgamma, *dbeta;
  T* dresidual;
};

/// The gradients as above. beta and residual are read only where relu.
template <Device D, class T>
void norm_backward(const NormArguments<T>& in, const T* dy, const NormGradients<T>& out);

/// running = (1 - momentum) running + momentum batch for each of n channels, where the running
/// variance takes the unbiased batch variance, values / (values - 1) times the biased one; of one
/// value it takes the biased one, 0.
template <Device D, class T>
void update_running_statistics(int64_t n, int64_t values, const double* mean,
                               const double* variance, double momentum, T* running_mean,
                               T* running_variance);

}  // namespace pixelgrad::kernels

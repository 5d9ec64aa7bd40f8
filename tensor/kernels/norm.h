#pragma once
#include <cstdint>

#include "tensor/device.h"

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

/// y as above; gamma and beta may be null (1 and 0). y may be x.
template <Device D, class T>
void norm_apply(const NormGeometry& g, const T* x, const double* mean, const double* variance,
                double eps, const T* gamma, const T* beta, T* y);

/// dx, dgamma and dbeta as above; each may be null, as may gamma. dx may be dy.
template <Device D, class T>
void norm_backward(const NormGeometry& g, const T* x, const T* dy, const double* mean,
                   const double* variance, double eps, bool constant_statistics, const T* gamma,
                   T* dx, T* dgamma, T* dbeta);

/// running = (1 - momentum) running + momentum batch for each of n channels, where the running
/// variance takes the unbiased batch variance, values / (values - 1) times the biased one; of one
/// value it takes the biased one, 0.
template <Device D, class T>
void update_running_statistics(int64_t n, int64_t values, const double* mean,
                               const double* variance, double momentum, T* running_mean,
                               T* running_variance);

}  // namespace pixelgrad::kernels

#pragma once
#include <cstdint>

#include "tensor/device.h"

// Batch normalisation (Ioffe and Szegedy 2015) of x [pixels, channels], over pixels. Statistics are
// f64 for both element types; sums are added in an order that depends on the shape alone. With
// xhat = (x - mean) / sqrt(variance + eps),
//   y = gamma xhat + beta
//   dgamma = sum dy xhat, dbeta = sum dy
//   dx = gamma / sqrt(variance + eps) (dy - dbeta / pixels - xhat dgamma / pixels)
// where mean and variance come from x; where they are constants the last two terms are absent.
namespace pixelgrad::kernels {

/// mean and biased variance of each channel. pixels must be at least 1.
template <Device D, class T>
void batch_norm_statistics(int64_t pixels, int64_t channels, const T* x, double* mean,
                           double* variance);

/// running = (1 - momentum) running + momentum batch, where the running variance takes the unbiased
/// batch variance, pixels / (pixels - 1) times the biased one; of one pixel it takes the biased
/// one, 0.
template <Device D, class T>
void batch_norm_update_running(int64_t pixels, int64_t channels, const double* mean,
                               const double* variance, double momentum, T* running_mean,
                               T* running_variance);

/// y as above; gamma and beta may be null (1 and 0). y may be x.
template <Device D, class T>
void batch_norm_normalize(int64_t pixels, int64_t channels, const T* x, const double* mean,
                          const double* variance, double eps, const T* gamma, const T* beta, T* y);

/// dgamma and dbeta as above, f64.
template <Device D, class T>
void batch_norm_backward_sums(int64_t pixels, int64_t channels, const T* x, const T* dy,
                              const double* mean, const double* variance, double eps,
                              double* dgamma, double* dbeta);

/// dx as above; dgamma and dbeta null where mean and variance are constants. gamma may be null. dx
/// may be dy.
template <Device D, class T>
void batch_norm_backward_input(int64_t pixels, int64_t channels, const T* x, const T* dy,
                               const double* mean, const double* variance, double eps,
                               const T* gamma, const double* dgamma, const double* dbeta, T* dx);

}  // namespace pixelgrad::kernels

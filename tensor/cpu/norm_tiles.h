#pragma once
#include <cstdint>

// The inner loops of norm.cpp and norm_backward.cpp, compiled per SIMD target in norm_tiles.cpp.
namespace pixelgrad::kernels {

template <class T>
struct NormTiles {
  // Down the positions: x is rows of `width` values, as many whole pixels as make a multiple of 16
  // values, so that 3 channels are as fast as 64; numbers of a channel are repeated to that width.
  // What is left over after the last whole row is the `tail`.

  /// sum[c] += x - shift[c], square[c] += (x - shift[c])^2 over rows
  void (*moments)(int64_t rows, int64_t width, int64_t tail, const T* x, const double* shift,
                  double* sum, double* square);
  /// sum[c] += dy, product[c] += dy (x - shift[c]) over rows
  void (*gradient_sums)(int64_t rows, int64_t width, int64_t tail, const T* x, const T* dy,
                        const double* shift, double* sum, double* product);
  /// y = (x - mean[c]) scale[c] + offset[c]
  void (*normalize)(int64_t rows, int64_t width, int64_t tail, const T* x, const T* mean,
                    const T* scale, const T* offset, T* y);
  /// dx = scale[c] dy - slope[c] (x - mean[c]) - offset[c]
  void (*backward_input)(int64_t rows, int64_t width, int64_t tail, const T* x, const T* dy,
                         const T* mean, const T* scale, const T* slope, const T* offset, T* dx);

  // Along one group of n values that lie side by side. gamma and beta may be null.

  /// mean and biased variance of x
  void (*group_moments)(int64_t n, const T* x, double* mean, double* variance);
  /// y = gamma[c] (x - mean) inverse + beta[c]
  void (*group_normalize)(int64_t n, const T* x, T mean, T inverse, const T* gamma, const T* beta,
                          T* y);
  /// sum = sum of gamma[c] dy, product = sum of gamma[c] dy (x - mean)
  void (*group_gradient_sums)(int64_t n, const T* x, const T* dy, double mean, const T* gamma,
                              double* sum, double* product);
  /// dx = inverse gamma[c] dy - slope (x - mean) - offset
  void (*group_backward_input)(int64_t n, const T* x, const T* dy, T mean, T inverse, T slope,
                               T offset, const T* gamma, T* dx);
  /// dbeta[c] += dy, dgamma[c] += dy (x - mean) inverse
  void (*group_backward_affine)(int64_t n, const T* x, const T* dy, double mean, double inverse,
                                double* dgamma, double* dbeta);
};

/// Those of this processor.
template <class T>
NormTiles<T> norm_tiles();

}  // namespace pixelgrad::kernels

#pragma once
#include <cstdint>

#include "tensor/dtype.h"

// The inner loops of norm.cpp and norm_backward.cpp, compiled per SIMD target in norm_tiles.cpp and
// norm_group_tiles.cpp.
namespace pixelgrad::kernels {

/// pre = (x - mean[c]) scale[c] + offset[c] + residual, y = max(pre, 0) where relu, else pre. The
/// numbers of a channel are repeated to the width of a row; `residual` lies as x does, or is null.
template <class T>
struct NormRow {
  const compute_t<T>*mean, *scale, *offset;
  const T* residual;
  bool relu;
};

/// Down the positions: x is rows of `width` values, as many whole pixels as make a multiple of 16
/// values, so that 3 channels are as fast as 64; numbers of a channel are repeated to that width.
/// What is left over after the last whole row is the `tail`.
template <class T>
struct NormTiles {
  /// sum[c] += x - shift[c], square[c] += (x - shift[c])^2 over rows
  void (*moments)(int64_t rows, int64_t width, int64_t tail, const T* x, const double* shift,
                  double* sum, double* square);
  /// y of x
  void (*normalize)(int64_t rows, int64_t width, int64_t tail, const T* x, const NormRow<T>& row,
                    T* y);
  /// sum[c] += g, product[c] += g (x - shift[c]) over rows, where g is dy, and 0 where a ReLU cut
  /// the value off. Where there is none, nothing of `row` is read.
  void (*gradient_sums)(int64_t rows, int64_t width, int64_t tail, const T* x, const T* dy,
                        const NormRow<T>& row, const double* shift, double* sum, double* product);
  /// With the same g: dx = scale[c] g - slope[c] (x - mean[c]) - lift[c], dresidual = g. dx or
  /// dresidual may be null.
  void (*backward_input)(int64_t rows, int64_t width, int64_t tail, const T* x, const T* dy,
                         const NormRow<T>& row, const compute_t<T>* slope, const compute_t<T>* lift,
                         T* dx, T* dresidual);
};

/// Along one group of n values that lie side by side. gamma and beta may be null.
template <class T>
struct NormGroupTiles {
  /// mean and biased variance of x
  void (*moments)(int64_t n, const T* x, double* mean, double* variance);
  /// y = gamma[c] (x - mean) inverse + beta[c]
  void (*normalize)(int64_t n, const T* x, T mean, T inverse, const T* gamma, const T* beta, T* y);
  /// sum = sum of gamma[c] dy, product = sum of gamma[c] dy (x - mean)
  void (*gradient_sums)(int64_t n, const T* x, const T* dy, double mean, const T* gamma,
                        double* sum, double* product);
  /// dx = inverse gamma[c] dy - slope (x - mean) - offset
  void (*backward_input)(int64_t n, const T* x, const T* dy, T mean, T inverse, T slope, T offset,
                         const T* gamma, T* dx);
  /// dbeta[c] += dy, dgamma[c] += dy (x - mean) inverse
  void (*backward_affine)(int64_t n, const T* x, const T* dy, double mean, double inverse,
                          double* dgamma, double* dbeta);
};

/// Those of this processor; the second for f32 and f64 only.
template <class T>
NormTiles<T> norm_tiles();
template <class T>
NormGroupTiles<T> norm_group_tiles();

}  // namespace pixelgrad::kernels

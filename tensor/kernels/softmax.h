#pragma once
#include <cstdint>

#include "tensor/device.h"

// Over the classes of each row of x [rows, classes]. The largest value of a row is subtracted
// first, so nothing overflows; a row with a NaN or +infinity gives NaN.
namespace pixelgrad::kernels {

/// y = exp(x) / sum exp(x)
template <Device D, class T>
void softmax_forward(int64_t rows, int64_t classes, const T* x, T* y);

/// dx = y (dy - sum dy y)
template <Device D, class T>
void softmax_backward(int64_t rows, int64_t classes, const T* y, const T* dy, T* dx);

/// y = x - log sum exp(x)
template <Device D, class T>
void log_softmax_forward(int64_t rows, int64_t classes, const T* x, T* y);

/// dx = dy - exp(y) sum dy
template <Device D, class T>
void log_softmax_backward(int64_t rows, int64_t classes, const T* y, const T* dy, T* dx);

}  // namespace pixelgrad::kernels

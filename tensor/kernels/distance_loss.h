#pragma once
#include <cstdint>

#include "tensor/device.h"

// Mean distances between n values and their targets. dloss is one value, on the device.
namespace pixelgrad::kernels {

/// loss = mean of (x - target)^2
template <Device D, class T>
void mse_forward(int64_t n, const T* x, const T* target, T* loss);

/// dx = 2 (x - target) *dloss / n
template <Device D, class T>
void mse_backward(int64_t n, const T* x, const T* target, const T* dloss, T* dx);

/// loss = mean of |x - target|
template <Device D, class T>
void l1_forward(int64_t n, const T* x, const T* target, T* loss);

/// dx = sign(x - target) *dloss / n, with sign(0) = 0; a NaN stays one.
template <Device D, class T>
void l1_backward(int64_t n, const T* x, const T* target, const T* dloss, T* dx);

}  // namespace pixelgrad::kernels

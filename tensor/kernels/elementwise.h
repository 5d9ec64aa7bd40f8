#pragma once
#include <cstdint>

#include "tensor/device.h"

// Element-by-element kernels over contiguous arrays of n values. Outputs may be an input.
namespace pixelgrad::kernels {

/// y = a + b
template <Device D, class T>
void add(int64_t n, const T* a, const T* b, T* y);

/// y = a * b
template <Device D, class T>
void mul(int64_t n, const T* a, const T* b, T* y);

/// y = scale * a
template <Device D, class T>
void scale(int64_t n, const T* a, double scale, T* y);

/// y = *factor * a; the factor lies on the device.
template <Device D, class T>
void scale_by(int64_t n, const T* a, const T* factor, T* y);

/// y = scale * *value for every element; the value lies on the device.
template <Device D, class T>
void broadcast(int64_t n, const T* value, double scale, T* y);

/// y = x > 0 ? x : slope * x; slope 0 is ReLU. A NaN stays a NaN.
template <Device D, class T>
void leaky_relu_forward(int64_t n, const T* x, double slope, T* y);

/// dx = dy where y > 0, else slope * dy. Reads the forward's output: for slope >= 0 it has x's
/// sign.
template <Device D, class T>
void leaky_relu_backward(int64_t n, const T* y, const T* dy, double slope, T* dx);

/// y = 1 / (1 + exp(-x))
template <Device D, class T>
void sigmoid_forward(int64_t n, const T* x, T* y);

/// dx = dy * y * (1 - y)
template <Device D, class T>
void sigmoid_backward(int64_t n, const T* y, const T* dy, T* dx);

/// Sum of all values, in a fixed order.
template <Device D, class T>
double sum(int64_t n, const T* x);

/// Whether no value is NaN or infinite.
template <Device D, class T>
bool all_finite(int64_t n, const T* x);

}  // namespace pixelgrad::kernels

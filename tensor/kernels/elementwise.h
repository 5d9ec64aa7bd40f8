#pragma once
#include <cstdint>

#include "tensor/device.h"

// Plain arithmetic over contiguous arrays of n values, for the graph and for gradients of losses.
// Outputs may be an input. (The ops have unary.h, binary.h and reduce.h.)
namespace pixelgrad::kernels {

/// y = a + b
template <Device D, class T>
void add(int64_t n, const T* a, const T* b, T* y);

/// y = scale * a
template <Device D, class T>
void scale(int64_t n, const T* a, double scale, T* y);

/// y = *factor * a; the factor lies on the device.
template <Device D, class T>
void scale_by(int64_t n, const T* a, const T* factor, T* y);

/// y = scale * *value for every element; the value lies on the device.
template <Device D, class T>
void broadcast(int64_t n, const T* value, double scale, T* y);

/// Sum of all values, in a fixed order.
template <Device D, class T>
double sum(int64_t n, const T* x);

/// Whether no value is NaN or infinite.
template <Device D, class T>
bool all_finite(int64_t n, const T* x);

}  // namespace pixelgrad::kernels

#pragma once
#include <cstdint>

#include "tensor/device.h"
#include "tensor/dtype.h"

// What tensors of every element type can do.
namespace pixelgrad::kernels {

/// x[i] = value for i < n
template <Device D, class T>
void fill(int64_t n, T value, T* x);

/// to[i] = from[i] for i < n, as C++ converts it.
template <Device D, class From, class To>
void convert(int64_t n, const From* from, To* to);

}  // namespace pixelgrad::kernels

#pragma once
#include <cstdint>

#include "tensor/device.h"
#include "tensor/random.h"

namespace pixelgrad::kernels {

/// 32 random bits below this threshold drop an element; p = 1 drops all.
PIXELGRAD_HD constexpr uint64_t dropout_threshold(double p) {
  return static_cast<uint64_t>(p * 0x1p32);
}

/// y[i] = 0 with probability p, else x[i] / (1 - p). What is dropped depends on the key and i
/// alone: element i looks at word i % 4 of Philox block i / 4. So the backward is the same function
/// of dy, and no mask is kept. y may be x.
template <Device D, class T>
void dropout(int64_t n, const T* x, double p, const RandomKey& key, T* y);

}  // namespace pixelgrad::kernels

#pragma once
#include <cstdint>

#include "tensor/bf16.h"

namespace pixelgrad::cpu {

/// to[i] = from[i] for i < n, in parallel.
void widen(int64_t n, const bf16* from, float* to);

/// to[i] = from[i] for i < n, rounded, in parallel.
void narrow(int64_t n, const float* from, bf16* to);

}  // namespace pixelgrad::cpu

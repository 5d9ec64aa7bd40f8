#pragma once
#include <bit>
#include <cstdint>

#include "tensor/device.h"

namespace pixelgrad {

/// bfloat16: the upper half of an f32, so with its range and 8 significant bits. A type to store
/// values in: it widens to float by itself, and arithmetic happens there.
struct bf16 {
  uint16_t bits;

  bf16() = default;

  /// The nearest one, of two equally near the even one; beyond the largest an infinity. A NaN stays
  /// one, with its sign. (A double is rounded to float first.)
  PIXELGRAD_HD explicit bf16(float x) {
    const uint32_t u = std::bit_cast<uint32_t>(x);
    const uint32_t rounded = u + 0x7FFFu + ((u >> 16) & 1u);
    const uint32_t quiet_nan = u | 0x400000u;
    bits = static_cast<uint16_t>(((u & 0x7FFFFFFFu) > 0x7F800000u ? quiet_nan : rounded) >> 16);
  }

  PIXELGRAD_HD operator float() const {
    return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  }
};

}  // namespace pixelgrad

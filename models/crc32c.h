#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace pixelgrad {

/// CRC-32C (Castagnoli; RFC 3720, section 12.1) of `data`. To go on where an earlier call stopped,
/// pass its result as `before`: crc32c(b, crc32c(a)) is the checksum of a followed by b.
/// Finds every error burst of up to 32 bits, so every flipped bit and every wrong byte.
uint32_t crc32c(std::span<const std::byte> data, uint32_t before = 0);

}  // namespace pixelgrad

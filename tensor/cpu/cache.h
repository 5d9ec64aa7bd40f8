#pragma once
#include <cstdint>

namespace pixelgrad::cpu {

/// Bytes of a core's second cache, 512 KiB where the system does not say. Only the order of work
/// may follow it, never a result.
int64_t second_cache_bytes();

}  // namespace pixelgrad::cpu

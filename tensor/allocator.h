#pragma once
#include <cstddef>
#include <cstdint>
#include <source_location>

#include "tensor/device.h"

namespace pixelgrad {

/// What the caching allocator of a device holds, in bytes.
struct MemoryStats {
  int64_t in_use = 0;       ///< bytes of live blocks, after rounding
  int64_t peak_in_use = 0;  ///< largest in_use since reset_peak_memory
  int64_t cached = 0;       ///< bytes of free blocks kept for reuse
  int64_t system_calls =
      0;  ///< how often a block was asked from the system; constant in steady state
};

/// A block of at least `bytes` bytes, 64-byte aligned; never null, also for 0 bytes. Blocks of
/// 1 MiB and more lie on huge pages where the system has them. Freed blocks are kept and handed out
/// again, small ones to requests of the same rounded size, large ones to any that they hold alone
/// or several together, so steady-state training asks nothing from the system. Under
/// AddressSanitizer the unused tail and free blocks are poisoned. Throws OutOfMemoryError that
/// names the bytes and the op, the one whose file the caller stands in, after the cache was emptied
/// and the call retried.
void* allocate(Device device, size_t bytes,
               const std::source_location& caller = std::source_location::current());

/// Returns a block from allocate(device, bytes) to the cache.
void deallocate(Device device, void* block, size_t bytes) noexcept;

MemoryStats memory_stats(Device device = Device::cpu);
void reset_peak_memory(Device device = Device::cpu);

/// Gives all cached free blocks back to the system.
void empty_cache(Device device = Device::cpu);

}  // namespace pixelgrad

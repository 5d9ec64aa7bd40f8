#pragma once
#include <atomic>

namespace pixelgrad {
/// Whether blocks of a device's memory are marked, too. Off while the device lags behind the host,
/// because a graph is recorded or a test emulates late streams: what it is still to do uses blocks
/// that the host has freed, rightly.
inline std::atomic<bool> poison_device_memory = true;
}  // namespace pixelgrad

// Marks for AddressSanitizer: which bytes of the allocator's memory nobody may touch now.
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define PIXELGRAD_POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define PIXELGRAD_UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#define PIXELGRAD_RED_ZONE 64  // bytes between a block and its neighbour
#else
#define PIXELGRAD_POISON(p, n) (void)0
#define PIXELGRAD_UNPOISON(p, n) (void)0
#define PIXELGRAD_RED_ZONE 0
#endif

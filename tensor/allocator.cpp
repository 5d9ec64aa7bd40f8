#include "tensor/allocator.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <new>
#include <type_traits>

#include "tensor/check.h"
#include "tensor/host_memory_internal.h"
#include "tensor/poison_internal.h"
#ifdef PIXELGRAD_CUDA
#include "tensor/cuda/device_memory.h"
#endif

namespace pixelgrad {
namespace {

/// The blocks of one kind of memory. One instance lives for the whole program, and is never
/// destroyed: tensors with static lifetime may be freed after any destructor of ours.
template <class Memory>
struct Cache {
  std::mutex mutex;
  Memory memory;
  MemoryStats stats;

  static Cache& instance() {
    static Cache* cache = new Cache;
    return *cache;
  }

  void* ask_system(size_t size) {
    ++stats.system_calls;
    return memory.ask_system(size);
  }

  void* allocate(Device device, size_t bytes, const std::source_location& caller) {
    if (bytes >= size_t{1} << 62) refuse(device, bytes, caller);
    const size_t size = Memory::rounded(bytes);
    void* block = memory.take(size);
    if (!block) block = ask_system(size);
    if (!block) {
      memory.release_all();
      block = ask_system(size);
    }
    if (!block) refuse(device, bytes, caller);
    stats.in_use += static_cast<int64_t>(size);
    stats.peak_in_use = std::max(stats.peak_in_use, stats.in_use);
    PIXELGRAD_UNPOISON(block, size);
    if (marks()) PIXELGRAD_POISON(static_cast<char*>(block) + bytes, size - bytes);
    return block;
  }

  /// Whether AddressSanitizer is told which bytes nobody may touch.
  static bool marks() { return std::is_same_v<Memory, HostMemory> || poison_device_memory; }

  /// An op has a file of its own: autograd/ops/conv2d.cpp.
  [[noreturn]] void refuse(Device device, size_t bytes, const std::source_location& caller) {
    const std::string op = std::filesystem::path(caller.file_name()).stem().string();
    throw OutOfMemoryError(str("[", op, "] no memory for ", bytes, " bytes on ", device, " (",
                               stats.in_use, " in use)"));
  }

  void deallocate(void* block, size_t bytes) noexcept {
    const size_t size = Memory::rounded(bytes);
    stats.in_use -= static_cast<int64_t>(size);
    if (marks()) PIXELGRAD_POISON(block, size);
    try {
      memory.give(block, size);
    } catch (const std::bad_alloc&) {
      memory.abandon(block, size);
    }
  }
};

/// Calls f with the cache of `device`, which nobody else uses meanwhile.
template <class F>
auto with_cache(Device device, const F& f) {
  const auto locked = [&](auto& cache) {
    const std::lock_guard lock(cache.mutex);
    return f(cache);
  };
#ifdef PIXELGRAD_CUDA
  if (device == Device::cuda) return locked(Cache<cuda::DeviceMemory>::instance());
#endif
  check(device == Device::cpu, "[allocate] this build has no ", device, " backend");
  return locked(Cache<HostMemory>::instance());
}

}  // namespace

void* allocate(Device device, size_t bytes, const std::source_location& caller) {
  return with_cache(device, [&](auto& cache) { return cache.allocate(device, bytes, caller); });
}

void deallocate(Device device, void* block, size_t bytes) noexcept {
  with_cache(device, [&](auto& cache) { cache.deallocate(block, bytes); });
}

MemoryStats memory_stats(Device device) {
  return with_cache(device, [](auto& cache) {
    MemoryStats stats = cache.stats;
    stats.cached = static_cast<int64_t>(cache.memory.bytes());
    return stats;
  });
}

void reset_peak_memory(Device device) {
  with_cache(device, [](auto& cache) { cache.stats.peak_in_use = cache.stats.in_use; });
}

void empty_cache(Device device) {
  with_cache(device, [](auto& cache) { cache.memory.release_all(); });
}

}  // namespace pixelgrad

#include "tensor/allocator.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

#include "tensor/arena_internal.h"
#include "tensor/check.h"
#include "tensor/poison_internal.h"

namespace pixelgrad {
namespace {

constexpr size_t alignment = 64;
constexpr size_t large = size_t{1} << 20;  // from here on blocks share an arena

/// Rounded size of a block. Small ones have eight sizes per power of two, so at most an eighth is
/// wasted and a training step whose shapes vary a little finds its blocks again.
size_t rounded(size_t bytes) {
  const size_t need = bytes + PIXELGRAD_RED_ZONE;
  if (need >= large) return (need + Arena::granule - 1) / Arena::granule * Arena::granule;
  size_t power = 256;
  while (power < need) power *= 2;
  const size_t step = power / 8 >= alignment ? power / 8 : alignment;
  return (need + step - 1) / step * step;
}

/// Free blocks. One instance lives for the whole program, and is never destroyed: tensors with
/// static lifetime may be freed after any destructor of ours.
struct Cache {
  std::mutex mutex;
  std::map<size_t, std::vector<void*>> small_blocks;  // by rounded size
  int64_t small_bytes = 0;                            // in small_blocks
  Arena large_blocks;
  MemoryStats stats;

  static Cache& instance() {
    static Cache* cache = new Cache;
    return *cache;
  }

  /// A free block, or null.
  void* take(size_t size) {
    if (size >= large) return large_blocks.take(size);
    auto& blocks = small_blocks[size];
    if (blocks.empty()) return nullptr;
    void* block = blocks.back();
    blocks.pop_back();
    small_bytes -= static_cast<int64_t>(size);
    return block;
  }

  void* ask_system(size_t size) {
    ++stats.system_calls;
    return size >= large ? large_blocks.from_system(size) : std::aligned_alloc(alignment, size);
  }

  void give(void* block, size_t size) {
    if (size >= large) return large_blocks.give(block, size);
    small_blocks[size].push_back(block);
    small_bytes += static_cast<int64_t>(size);
  }

  void release_all() {
    for (auto& [size, blocks] : small_blocks)
      for (void* block : blocks) {
        PIXELGRAD_UNPOISON(block, size);
        std::free(block);
      }
    small_blocks.clear();
    small_bytes = 0;
    large_blocks.release();
  }
};

}  // namespace

void* allocate(Device device, size_t bytes) {
  check(device == Device::cpu, "[allocate] this build has no ", device, " backend");
  check<OutOfMemoryError>(bytes < (size_t{1} << 62), "[allocate] no memory for ", bytes, " bytes");
  const size_t size = rounded(bytes);
  Cache& cache = Cache::instance();
  const std::lock_guard lock(cache.mutex);
  void* block = cache.take(size);
  if (!block) block = cache.ask_system(size);
  if (!block) {
    cache.release_all();
    block = cache.ask_system(size);
  }
  check<OutOfMemoryError>(block != nullptr, "[allocate] no memory for ", bytes, " bytes on ",
                          device, " (", cache.stats.in_use, " in use)");
  cache.stats.in_use += static_cast<int64_t>(size);
  cache.stats.peak_in_use = std::max(cache.stats.peak_in_use, cache.stats.in_use);
  PIXELGRAD_UNPOISON(block, bytes);
  PIXELGRAD_POISON(static_cast<char*>(block) + bytes, size - bytes);
  return block;
}

void deallocate(Device, void* block, size_t bytes) noexcept {
  const size_t size = rounded(bytes);
  Cache& cache = Cache::instance();
  const std::lock_guard lock(cache.mutex);
  cache.stats.in_use -= static_cast<int64_t>(size);
  PIXELGRAD_POISON(block, size);
  try {
    cache.give(block, size);
  } catch (const std::bad_alloc&) {
    // No memory to note it: of a large block the pages stay mapped, unused.
    PIXELGRAD_UNPOISON(block, size);
    if (size < large) std::free(block);
  }
}

MemoryStats memory_stats(Device) {
  Cache& cache = Cache::instance();
  const std::lock_guard lock(cache.mutex);
  MemoryStats stats = cache.stats;
  stats.cached = cache.small_bytes + static_cast<int64_t>(cache.large_blocks.bytes());
  return stats;
}

void reset_peak_memory(Device) {
  Cache& cache = Cache::instance();
  const std::lock_guard lock(cache.mutex);
  cache.stats.peak_in_use = cache.stats.in_use;
}

void empty_cache(Device) {
  Cache& cache = Cache::instance();
  const std::lock_guard lock(cache.mutex);
  cache.release_all();
}

}  // namespace pixelgrad

#include "tensor/allocator.h"

#include <sys/mman.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

#include "tensor/check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define PIXELGRAD_POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define PIXELGRAD_UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#define PIXELGRAD_RED_ZONE alignment  // one spare line between a block and its neighbour
#else
#define PIXELGRAD_RED_ZONE 0
#define PIXELGRAD_POISON(p, n) (void)0
#define PIXELGRAD_UNPOISON(p, n) (void)0
#endif

namespace pixelgrad {
namespace {

constexpr size_t alignment = 64;
constexpr size_t huge_page = size_t{2} << 20;

/// Rounded size of a block: four sizes per power of two, so at most a fifth is wasted and a
/// training step whose shapes vary a little finds its blocks again. Large blocks are whole huge
/// pages.
size_t rounded(size_t bytes) {
  const size_t need = bytes + PIXELGRAD_RED_ZONE;
  size_t power = 256;
  while (power < need) power *= 2;
  const size_t step = power / 8 >= alignment ? power / 8 : alignment;
  const size_t size = (need + step - 1) / step * step;
  return size >= huge_page ? (size + huge_page - 1) / huge_page * huge_page : size;
}

void* ask_system(size_t size) {
  const size_t align = size >= huge_page ? huge_page : alignment;
  void* block = std::aligned_alloc(align, size);
  // Without huge pages a convolution spends its time in TLB misses. Advice only: may be refused.
  if (block && size >= huge_page) madvise(block, size, MADV_HUGEPAGE);
  return block;
}

/// Free blocks by rounded size. One instance lives for the whole program, and is never destroyed:
/// tensors with static lifetime may be freed after any destructor of ours.
struct Cache {
  std::mutex mutex;
  std::map<size_t, std::vector<void*>> free_blocks;
  MemoryStats stats;

  static Cache& instance() {
    static Cache* cache = new Cache;
    return *cache;
  }

  void release_all() {
    for (auto& [size, blocks] : free_blocks) {
      for (void* block : blocks) {
        PIXELGRAD_UNPOISON(block, size);
        std::free(block);
      }
      stats.cached -= static_cast<int64_t>(size * blocks.size());
    }
    free_blocks.clear();
  }
};

}  // namespace

void* allocate(Device device, size_t bytes) {
  check(device == Device::cpu, "[allocate] this build has no ", device, " backend");
  check<OutOfMemoryError>(bytes < (size_t{1} << 62), "[allocate] no memory for ", bytes, " bytes");
  const size_t size = rounded(bytes);
  Cache& cache = Cache::instance();
  const std::lock_guard lock(cache.mutex);
  void* block = nullptr;
  if (auto& blocks = cache.free_blocks[size]; !blocks.empty()) {
    block = blocks.back();
    blocks.pop_back();
    cache.stats.cached -= static_cast<int64_t>(size);
  } else {
    block = ask_system(size);
    if (!block) {
      cache.release_all();
      block = ask_system(size);
    }
    check<OutOfMemoryError>(block != nullptr, "[allocate] no memory for ", bytes, " bytes on ",
                            device, " (", cache.stats.in_use, " in use)");
    ++cache.stats.system_calls;
  }
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
    cache.free_blocks[size].push_back(block);
    cache.stats.cached += static_cast<int64_t>(size);
  } catch (const std::bad_alloc&) {
    PIXELGRAD_UNPOISON(block, size);
    std::free(block);
  }
}

MemoryStats memory_stats(Device) {
  Cache& cache = Cache::instance();
  const std::lock_guard lock(cache.mutex);
  return cache.stats;
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

#include <cstdlib>

#include "tensor/host_memory_internal.h"
#include "tensor/poison_internal.h"

namespace pixelgrad {
namespace {
constexpr size_t alignment = 64;
constexpr size_t large = size_t{1} << 20;  // from here on blocks share an arena
}  // namespace

size_t HostMemory::rounded(size_t bytes) {
  const size_t need = bytes + PIXELGRAD_RED_ZONE;
  if (need >= large) return (need + Arena::granule - 1) / Arena::granule * Arena::granule;
  size_t power = 256;
  while (power < need) power *= 2;
  const size_t step = power / 8 >= alignment ? power / 8 : alignment;
  return (need + step - 1) / step * step;
}

void* HostMemory::take(size_t size) {
  if (size >= large) return large_blocks_.take(size);
  auto& blocks = small_blocks_[size];
  if (blocks.empty()) return nullptr;
  void* block = blocks.back();
  blocks.pop_back();
  small_bytes_ -= size;
  return block;
}

void* HostMemory::ask_system(size_t size) {
  return size >= large ? large_blocks_.from_system(size) : std::aligned_alloc(alignment, size);
}

void HostMemory::give(void* block, size_t size) {
  if (size >= large) return large_blocks_.give(block, size);
  small_blocks_[size].push_back(block);
  small_bytes_ += size;
}

void HostMemory::abandon(void* block, size_t size) noexcept {
  PIXELGRAD_UNPOISON(block, size);
  if (size < large) std::free(block);
}

void HostMemory::release_all() {
  for (auto& [size, blocks] : small_blocks_)
    for (void* block : blocks) {
      PIXELGRAD_UNPOISON(block, size);
      std::free(block);
    }
  small_blocks_.clear();
  small_bytes_ = 0;
  large_blocks_.release();
}

}  // namespace pixelgrad

#pragma once
#include <cstddef>
#include <map>
#include <vector>

#include "tensor/arena_internal.h"

namespace pixelgrad {

/// The free blocks of host memory. Small ones are kept by size; large ones share an arena.
class HostMemory {
 public:
  /// The size of the block that serves a request. Small ones have eight sizes per power of two, so
  /// at most an eighth is wasted and a training step whose shapes vary a little finds its blocks
  /// again.
  static size_t rounded(size_t bytes);

  void* take(size_t size);              ///< a free block, or null
  void* ask_system(size_t size);        ///< a new one, or null
  void give(void* block, size_t size);  ///< the block becomes free
  /// A block that could not be given back, for want of memory to note it. Of a large one the pages
  /// stay mapped, unused.
  void abandon(void* block, size_t size) noexcept;
  void release_all();  ///< gives free blocks back to the system
  size_t bytes() const { return small_bytes_ + large_blocks_.bytes(); }  ///< of free blocks

 private:
  std::map<size_t, std::vector<void*>> small_blocks_;  // by rounded size
  size_t small_bytes_ = 0;                             // in small_blocks_
  Arena large_blocks_;
};

}  // namespace pixelgrad

#pragma once
#include <cstddef>

#include "tensor/free_ranges_internal.h"

namespace pixelgrad {

/// Free memory that came from the system in whole pages, for large blocks. A request takes the
/// smallest range that it fits and leaves the rest; what is given back grows together with its free
/// neighbours. Where none is large enough, huge pages that are free here and there are moved to new
/// addresses, one behind the other. So blocks of any sizes follow each other in the same memory.
/// Not for several threads at a time.
class Arena {
 public:
  /// Sizes are multiples of this.
  static constexpr size_t granule = size_t{64} << 10;

  /// A block of the free memory, null where it does not suffice.
  void* take(size_t size);

  /// A block that take() or from_system() returned becomes free.
  void give(void* block, size_t size);

  /// A new block on huge pages, from the system as far as there are no free ones, or null. What
  /// lies behind it, up to the end of its last huge page, becomes free.
  void* from_system(size_t size);

  /// Gives all free ranges back to the system.
  void release();

  size_t bytes() const { return free_.bytes(); }  ///< free ones

 private:
  size_t whole_pages() const;
  bool move_pages(char* to, size_t size);

  FreeRanges free_;
};

}  // namespace pixelgrad

#pragma once
#include <cstddef>
#include <map>

#include "tensor/free_ranges_internal.h"

namespace pixelgrad::cuda {

/// Device memory that is free, in segments as cudaMalloc gave them. As all kernels and copies run
/// on one stream, a block may be handed out again while kernels that were asked for before still
/// use it. Not for several threads at a time.
class Segments {
 public:
  /// Sizes of blocks are multiples of this.
  static constexpr size_t granule = 512;

  /// A block of the free memory, null where it does not suffice.
  void* take(size_t size);

  /// A block that take() or from_device() returned becomes free.
  void give(void* block, size_t size);

  /// A block in a new segment of at least `unit` bytes, or null where the device has no room. What
  /// of the segment is left becomes free.
  void* from_device(size_t size, size_t unit);

  /// Gives segments that are free as a whole back to the device.
  void release();

  size_t bytes() const { return free_.bytes(); }  ///< free ones

 private:
  std::map<char*, size_t> segments_;  ///< all that the device gave: begin and size
  FreeRanges free_;
};

}  // namespace pixelgrad::cuda

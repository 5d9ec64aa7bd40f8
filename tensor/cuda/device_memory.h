#pragma once
#include <cstddef>

#include "tensor/cuda/segments.h"

namespace pixelgrad::cuda {

/// The free blocks of the device's memory. Small and large ones come from different segments, so
/// that a small block that lives long does not cut a large segment in two.
class DeviceMemory {
 public:
  /// The size of the block that serves a request.
  static size_t rounded(size_t bytes);

  void* take(size_t size) { return segments(size).take(size); }  ///< a free block, or null
  void* ask_system(size_t size);                                 ///< a new one, or null
  void give(void* block, size_t size) { segments(size).give(block, size); }  ///< becomes free
  /// A block that could not be given back, for want of memory to note it: it stays unused.
  void abandon(void*, size_t) noexcept {}
  void release_all();  ///< gives segments that are free as a whole back to the device
  size_t bytes() const { return small_.bytes() + large_.bytes(); }  ///< of free blocks

 private:
  Segments& segments(size_t size);

  Segments small_, large_;
};

}  // namespace pixelgrad::cuda

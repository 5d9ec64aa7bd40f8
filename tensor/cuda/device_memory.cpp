#include "tensor/cuda/device_memory.h"

#include "tensor/cuda/graph.h"
#include "tensor/cuda/runtime.h"
#include "tensor/poison_internal.h"

namespace pixelgrad::cuda {
namespace {
constexpr size_t mebibyte = size_t{1} << 20;
/// Larger blocks come from large segments.
constexpr size_t largest_small_block = mebibyte;
/// What is asked of the device at once: a call takes as long as a kernel.
constexpr size_t small_segment = 2 * mebibyte, large_segment = 32 * mebibyte;
}  // namespace

size_t DeviceMemory::rounded(size_t bytes) {
  const size_t need = bytes + PIXELGRAD_RED_ZONE > 0 ? bytes + PIXELGRAD_RED_ZONE : 1;
  return (need + Segments::granule - 1) / Segments::granule * Segments::granule;
}

void* DeviceMemory::ask_system(size_t size) {
  stream();  // opens the device, or says that there is none
  return segments(size).from_device(size,
                                    size <= largest_small_block ? small_segment : large_segment);
}

void DeviceMemory::release_all() {
  launch_captured();  // it may use blocks that are free since it was asked for
  small_.release();
  large_.release();
}

Segments& DeviceMemory::segments(size_t size) {
  return size <= largest_small_block ? small_ : large_;
}

}  // namespace pixelgrad::cuda

#include "tensor/cuda/segments.h"

#include <algorithm>

#include "tensor/cuda/runtime.h"
#include "tensor/poison_internal.h"

namespace pixelgrad::cuda {
void* Segments::take(size_t size) { return free_.take(size); }

void Segments::give(void* block, size_t size) {
  free_.give(static_cast<char*>(block), size,
             [&](char* address) { return segments_.contains(address); });
}

void* Segments::from_device(size_t size, size_t unit) {
  // A nearly full device may have room for the block alone.
  for (const size_t asked : {std::max(size, unit), size}) {
    void* segment = nullptr;
    if (cudaMalloc(&segment, asked) != cudaSuccess) {
      cudaGetLastError();  // so that the next call does not report it again
      continue;
    }
    char* const begin = static_cast<char*>(segment);
    segments_.emplace(begin, asked);
    if (asked > size) {
      PIXELGRAD_POISON(begin + size, asked - size);
      free_.insert(begin + size, asked - size);
    }
    return begin;
  }
  return nullptr;
}

void Segments::release() {
  for (auto segment = segments_.begin(); segment != segments_.end();) {
    const auto [begin, size] = *segment;
    const auto range = free_.by_address().find(begin);
    if (range == free_.by_address().end() || range->second != size) {
      ++segment;
      continue;
    }
    PIXELGRAD_UNPOISON(begin, size);
    cudaFree(begin);
    free_.erase(begin);
    segment = segments_.erase(segment);
  }
}

}  // namespace pixelgrad::cuda

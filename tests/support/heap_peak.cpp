// Counts what goes through operator new. A test program that links this file sees its own peak,
// which that of the process (with what malloc keeps, and sanitizers add) does not tell.
#include "tests/support/heap_peak.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<int64_t> in_use = 0, peak = 0;

void* counted(void* block) {
  if (!block) throw std::bad_alloc();
  const int64_t now = in_use += static_cast<int64_t>(malloc_usable_size(block));
  int64_t before = peak;
  while (now > before && !peak.compare_exchange_weak(before, now)) {
  }
  return block;
}

void release(void* block) {
  in_use -= static_cast<int64_t>(malloc_usable_size(block));
  std::free(block);
}

}  // namespace

void* operator new(size_t bytes) { return counted(std::malloc(bytes)); }
void* operator new[](size_t bytes) { return counted(std::malloc(bytes)); }
void* operator new(size_t bytes, std::align_val_t align) {
  const auto a = static_cast<size_t>(align);
  return counted(std::aligned_alloc(a, (bytes + a - 1) / a * a));
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  void* block = std::malloc(bytes);
  return block ? counted(block) : nullptr;
}
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
  void* block = std::malloc(bytes);
  return block ? counted(block) : nullptr;
}
void operator delete(void* block) noexcept { release(block); }
void operator delete[](void* block) noexcept { release(block); }
void operator delete(void* block, size_t) noexcept { release(block); }
void operator delete[](void* block, size_t) noexcept { release(block); }
void operator delete(void* block, std::align_val_t) noexcept { release(block); }
void operator delete(void* block, size_t, std::align_val_t) noexcept { release(block); }

namespace pixelgrad::testing {

int64_t heap_in_use() { return in_use; }
int64_t heap_peak() { return peak; }
void reset_heap_peak() { peak = in_use.load(); }

}  // namespace pixelgrad::testing

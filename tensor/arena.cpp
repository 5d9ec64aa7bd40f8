#include "tensor/arena_internal.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "tensor/poison_internal.h"

namespace pixelgrad {
namespace {

constexpr size_t huge_page = size_t{2} << 20;

size_t round_up(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

/// The huge pages that lie within a range, as one range, which may be empty.
std::pair<char*, size_t> pages_within(char* begin, size_t size) {
  const auto address = reinterpret_cast<uintptr_t>(begin);
  const size_t before = round_up(address, huge_page) - address;
  return {begin + before, before < size ? (size - before) / huge_page * huge_page : 0};
}

/// Fresh memory at any address, or in place of what lies at `fixed`.
char* map(size_t size, char* fixed = nullptr) {
  void* const mapped = mmap(fixed, size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | (fixed ? MAP_FIXED : 0), -1, 0);
  return mapped == MAP_FAILED ? nullptr : static_cast<char*>(mapped);
}

}  // namespace

void* Arena::take(size_t size) {
  if (void* block = free_.take(size)) return block;
  return whole_pages() >= size ? from_system(size) : nullptr;
}

void Arena::give(void* block, size_t size) { free_.give(static_cast<char*>(block), size); }

void* Arena::from_system(size_t size) {
  const size_t pages = round_up(size, huge_page), asked = pages + huge_page;
  char* const first = map(asked);
  if (!first) return nullptr;
  const size_t before =
      round_up(reinterpret_cast<uintptr_t>(first), huge_page) - reinterpret_cast<uintptr_t>(first);
  char* const begin = first + before;
  if (before > 0) munmap(first, before);
  if (asked > before + pages) munmap(begin + pages, asked - before - pages);
  // Without huge pages a convolution spends its time in TLB misses. Advice only: may be refused.
  madvise(begin, pages, MADV_HUGEPAGE);
  if (!move_pages(begin, pages)) {
    munmap(begin, pages);
    return nullptr;
  }
  if (pages > size) give(begin + size, pages - size);
  return begin;
}

/// Bytes of all huge pages that are free.
size_t Arena::whole_pages() const {
  size_t sum = 0;
  for (const auto& [begin, size] : free_.by_address()) sum += pages_within(begin, size).second;
  return sum;
}

/// Puts free huge pages, as far as there are any, in place of the fresh ones at `to`, of `size`
/// bytes. No value is copied: only the table of pages changes. Takes the smallest ranges first, so
/// that large ones stay. False where the system refused even fresh ones: some of `to` is lost.
bool Arena::move_pages(char* to, size_t size) {
  char* const end = to + size;
  for (auto next = free_.by_size().begin(); next != free_.by_size().end() && to < end;) {
    const auto [range_size, begin] = *next++;
    auto [page, bytes] = pages_within(begin, range_size);
    bytes = std::min(bytes, static_cast<size_t>(end - to));
    if (bytes == 0) continue;
    free_.erase(begin);
    if (page > begin) free_.insert(begin, static_cast<size_t>(page - begin));
    if (char* behind = page + bytes; behind < begin + range_size)
      free_.insert(behind, static_cast<size_t>(begin + range_size - behind));
    PIXELGRAD_UNPOISON(page, bytes);  // the addresses may be anybody's next
    // One by one: the system moves no range that it knows as several.
    for (char* const last = page + bytes; page < last; page += huge_page, to += huge_page) {
      if (mremap(page, huge_page, huge_page, MREMAP_MAYMOVE | MREMAP_FIXED, to) != MAP_FAILED)
        continue;
      // Refused: fresh memory in its place.
      munmap(page, huge_page);
      if (map(huge_page, to)) continue;
      munmap(page, static_cast<size_t>(last - page));
      return false;
    }
  }
  return true;
}

void Arena::release() {
  for (const auto& [begin, size] : free_.by_address()) {
    PIXELGRAD_UNPOISON(begin, size);  // the addresses may be anybody's next
    munmap(begin, size);
  }
  free_.clear();
}

}  // namespace pixelgrad

#include "tensor/arena_internal.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

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
  if (void* block = take_range(size)) return block;
  return whole_pages() >= size ? from_system(size) : nullptr;
}

void* Arena::take_range(size_t size) {
  const auto found = by_size_.lower_bound({size, nullptr});
  if (found == by_size_.end()) return nullptr;
  const auto [range_size, begin] = *found;
  // The remainder keeps its place in both lists' nodes, so that taking never asks for memory.
  auto address = by_address_.extract(begin);
  auto range = by_size_.extract(found);
  bytes_ -= size;
  if (range_size > size) {
    address.key() = begin + size;
    address.mapped() = range_size - size;
    by_address_.insert(std::move(address));
    range.value() = {range_size - size, begin + size};
    by_size_.insert(std::move(range));
  }
  return begin;
}

void Arena::give(void* block, size_t size) {
  char* begin = static_cast<char*>(block);
  auto next = by_address_.lower_bound(begin);
  if (next != by_address_.end() && begin + size == next->first) {
    size += next->second;
    erase(next++);
  }
  if (next != by_address_.begin()) {
    const auto previous = std::prev(next);
    if (previous->first + previous->second == begin) {
      begin = previous->first;
      size += previous->second;
      erase(previous);
    }
  }
  insert(begin, size);
}

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
  for (const auto& [begin, size] : by_address_) sum += pages_within(begin, size).second;
  return sum;
}

/// Puts free huge pages, as far as there are any, in place of the fresh ones at `to`, of `size`
/// bytes. No value is copied: only the table of pages changes. Takes the smallest ranges first, so
/// that large ones stay. False where the system refused even fresh ones: some of `to` is lost.
bool Arena::move_pages(char* to, size_t size) {
  char* const end = to + size;
  for (auto next = by_size_.begin(); next != by_size_.end() && to < end;) {
    const auto [range_size, begin] = *next++;
    auto [page, bytes] = pages_within(begin, range_size);
    bytes = std::min(bytes, static_cast<size_t>(end - to));
    if (bytes == 0) continue;
    erase(by_address_.find(begin));
    if (page > begin) insert(begin, static_cast<size_t>(page - begin));
    if (char* behind = page + bytes; behind < begin + range_size)
      insert(behind, static_cast<size_t>(begin + range_size - behind));
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
  for (const auto& [begin, size] : by_address_) {
    PIXELGRAD_UNPOISON(begin, size);  // the addresses may be anybody's next
    munmap(begin, size);
  }
  by_address_.clear();
  by_size_.clear();
  bytes_ = 0;
}

void Arena::insert(char* begin, size_t size) {
  const auto at = by_address_.emplace(begin, size).first;
  try {
    by_size_.emplace(size, begin);
  } catch (...) {
    by_address_.erase(at);
    throw;
  }
  bytes_ += size;
}

void Arena::erase(std::map<char*, size_t>::iterator range) {
  bytes_ -= range->second;
  by_size_.erase({range->second, range->first});
  by_address_.erase(range);
}

}  // namespace pixelgrad

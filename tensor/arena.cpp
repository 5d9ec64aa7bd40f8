#include "tensor/arena_internal.h"

#include <sys/mman.h>

#include <cstdint>
#include <iterator>

#include "tensor/poison_internal.h"

namespace pixelgrad {
namespace {

constexpr size_t huge_page = size_t{2} << 20;

size_t round_up(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

void* Arena::take(size_t size) {
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
  void* mapped = mmap(nullptr, asked, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  char* const first = static_cast<char*>(mapped);
  const size_t before =
      round_up(reinterpret_cast<uintptr_t>(first), huge_page) - reinterpret_cast<uintptr_t>(first);
  char* const begin = first + before;
  if (before > 0) munmap(first, before);
  if (asked > before + pages) munmap(begin + pages, asked - before - pages);
  // Without huge pages a convolution spends its time in TLB misses. Advice only: may be refused.
  madvise(begin, pages, MADV_HUGEPAGE);
  if (pages > size) give(begin + size, pages - size);
  return begin;
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

#include "tensor/free_ranges_internal.h"

namespace pixelgrad {

char* FreeRanges::take(size_t size) {
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

void FreeRanges::insert(char* begin, size_t size) {
  const auto at = by_address_.emplace(begin, size).first;
  try {
    by_size_.emplace(size, begin);
  } catch (...) {
    by_address_.erase(at);
    throw;
  }
  bytes_ += size;
}

void FreeRanges::erase(std::map<char*, size_t>::const_iterator range) {
  bytes_ -= range->second;
  by_size_.erase({range->second, range->first});
  by_address_.erase(range);
}

void FreeRanges::clear() {
  by_address_.clear();
  by_size_.clear();
  bytes_ = 0;
}

}  // namespace pixelgrad

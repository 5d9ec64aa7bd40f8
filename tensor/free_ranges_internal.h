#pragma once
#include <cstddef>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace pixelgrad {

/// Ranges of memory that nobody uses: what the caching allocators hand out and take back. Only
/// addresses are handled, never the bytes behind them. Not for several threads at a time.
class FreeRanges {
 public:
  /// The beginning of the smallest range that `size` fits; what is left of it stays free. Null
  /// where there is none. Never asks for memory itself.
  char* take(size_t size);

  /// Adds a range, grown together with the free ones that touch it. Ranges are not joined where
  /// `apart` says true of the address at which they meet.
  template <class Apart>
  void give(char* begin, size_t size, const Apart& apart);
  void give(char* begin, size_t size) {
    give(begin, size, [](char*) { return false; });
  }

  /// Adds a range as it is.
  void insert(char* begin, size_t size);
  void erase(char* begin) { erase(by_address_.find(begin)); }
  void clear();

  const std::map<char*, size_t>& by_address() const { return by_address_; }
  const std::set<std::pair<size_t, char*>>& by_size() const { return by_size_; }
  size_t bytes() const { return bytes_; }  ///< of all ranges

 private:
  void erase(std::map<char*, size_t>::const_iterator range);

  std::map<char*, size_t> by_address_;
  std::set<std::pair<size_t, char*>> by_size_;
  size_t bytes_ = 0;
};

template <class Apart>
void FreeRanges::give(char* begin, size_t size, const Apart& apart) {
  const auto next = by_address_.lower_bound(begin);
  if (next != by_address_.begin() && !apart(begin)) {
    const auto previous = std::prev(next);
    if (previous->first + previous->second == begin) {
      begin = previous->first;
      size += previous->second;
      erase(previous);
    }
  }
  if (next != by_address_.end() && begin + size == next->first && !apart(next->first)) {
    size += next->second;
    erase(next);
  }
  insert(begin, size);
}

}  // namespace pixelgrad

#pragma once
#include <emulator/control.h>

#include <cstdint>
#include <span>

namespace emulator {

/// Puts blocks and threads in the order that was chosen with set_order.
class Sequence {
 public:
  /// The one of the process; whoever uses it holds the device's mutex.
  static Sequence& instance();

  void choose(Order order, uint64_t seed);
  /// Puts ascending numbers in order.
  void arrange(std::span<int> numbers);
  /// Calls f(i) for all i in [0, n) in order; no list is made, for grids are large.
  template <class F>
  void for_each(uint64_t n, F&& f) {
    // Steps coprime to n come to every number once.
    const uint64_t first = order_ == Order::ascending    ? 0
                           : order_ == Order::descending ? n - 1
                                                         : random() % n;
    const uint64_t step = order_ == Order::ascending    ? 1
                          : order_ == Order::descending ? n - 1
                                                        : coprime(n);
    for (uint64_t k = 0, i = first; k < n; ++k, i = (i + step) % n) f(i);
  }

 private:
  Sequence();
  uint64_t random();
  uint64_t coprime(uint64_t n);

  Order order_ = Order::ascending;
  uint64_t state_ = 0;
};

}  // namespace emulator

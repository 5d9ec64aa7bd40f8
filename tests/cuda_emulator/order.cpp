#include "tests/cuda_emulator/order.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <numeric>
#include <string>
#include <utility>

#include "tests/cuda_emulator/device.h"

namespace emulator {

Sequence& Sequence::instance() {
  static auto& sequence = *new Sequence;  // for ever: destructors of others may still need it
  return sequence;
}

Sequence::Sequence() {
  const char* name = std::getenv("PIXELGRAD_EMULATOR_ORDER");
  if (name == nullptr || std::string(name) == "ascending") return;
  if (std::string(name) == "descending")
    order_ = Order::descending;
  else if (std::string(name) == "shuffled")
    order_ = Order::shuffled;
  else
    throw std::runtime_error("PIXELGRAD_EMULATOR_ORDER is " + std::string(name) +
                             ", expected ascending, descending or shuffled");
}

void Sequence::choose(Order order, uint64_t seed) {
  order_ = order;
  state_ = seed;
}

void Sequence::arrange(std::span<int> numbers) {
  if (order_ == Order::descending) std::reverse(numbers.begin(), numbers.end());
  if (order_ != Order::shuffled) return;
  for (size_t left = numbers.size(); left > 1; --left)
    std::swap(numbers[left - 1], numbers[random() % left]);
}

// SplitMix64: https://prng.di.unimi.it/splitmix64.c
uint64_t Sequence::random() {
  uint64_t z = state_ += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

uint64_t Sequence::coprime(uint64_t n) {
  if (n == 1) return 0;
  uint64_t step;
  do step = 1 + random() % (n - 1);
  while (std::gcd(step, n) != 1);
  return step;
}

void set_order(Order order, uint64_t seed) {
  const std::lock_guard lock(device_mutex());
  Sequence::instance().choose(order, seed);
}

}  // namespace emulator

#include "tensor/random.h"

#include <numbers>

#include "tensor/dispatch.h"
#include "tensor/parallel.h"

namespace pixelgrad {
namespace {
constexpr int64_t grain = 1 << 16;

/// Two standard normals from four 32-bit numbers (Box-Muller).
std::array<double, 2> normals(const std::array<uint32_t, 4>& r) {
  const double u = 1.0 - uniform_f64(r[0], r[1]);  // in (0, 1]
  const double radius = std::sqrt(-2.0 * std::log(u));
  const double angle = 2.0 * std::numbers::pi * uniform_f64(r[2], r[3]);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

/// Writes element i from the pair of doubles that block i/2 gives.
template <class MakePair>
void fill_pairs(Tensor& x, MakePair pair) {
  check(x.device() == Device::cpu, "[random] fills tensors on the cpu, got one on ", x.device());
  dispatch(x, [&]<Device, class T>() {
    T* out = x.mutable_data<T>();
    parallel_range(x.numel(), grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i += 2) {
        const std::array<double, 2> two = pair(static_cast<uint64_t>(i / 2));
        out[i] = static_cast<T>(two[0]);
        if (i + 1 < end) out[i + 1] = static_cast<T>(two[1]);
      }
    });
  });
}
}  // namespace

uint32_t Random::next() {
  if (used_ == 4) {
    block_ = philox(key_, index_++);
    used_ = 0;
  }
  return block_[static_cast<size_t>(used_++)];
}

double Random::uniform() {
  const uint32_t hi = next();
  return uniform_f64(hi, next());
}

double Random::normal() {
  std::array<uint32_t, 4> r;
  for (uint32_t& v : r) v = next();
  return normals(r)[0];
}

int64_t Random::below(int64_t n) {
  check(n >= 1, "[random] below(", n, "), expected at least 1");
  const uint64_t range = static_cast<uint64_t>(n);
  const uint64_t limit = UINT64_MAX - UINT64_MAX % range;  // a multiple of range
  for (;;) {
    const uint64_t hi = next();
    const uint64_t v = (hi << 32) | next();
    if (v < limit) return static_cast<int64_t>(v % range);
  }
}

void fill_uniform(Tensor& x, const RandomKey& key, double low, double high) {
  fill_pairs(x, [&](uint64_t block) -> std::array<double, 2> {
    const auto r = philox(key, block);
    return {low + (high - low) * uniform_f64(r[0], r[1]),
            low + (high - low) * uniform_f64(r[2], r[3])};
  });
}

void fill_normal(Tensor& x, const RandomKey& key, double mean, double stddev) {
  fill_pairs(x, [&](uint64_t block) -> std::array<double, 2> {
    const auto n = normals(philox(key, block));
    return {mean + stddev * n[0], mean + stddev * n[1]};
  });
}

}  // namespace pixelgrad

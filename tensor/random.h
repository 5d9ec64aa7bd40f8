#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "tensor/tensor.h"

namespace pixelgrad {

// Philox4x32-10: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A block
// cipher over a counter: any element of any stream is computed on its own, on any device, and there
// is no state to save but the integers that make the key.

/// What a stream of random numbers is keyed by. Equal keys give equal numbers on every device.
struct RandomKey {
  uint64_t seed = 0;    ///< of the whole run
  uint64_t stream = 0;  ///< who draws: a hash of a module's path, or a purpose
  uint64_t step = 0;    ///< when: training step, epoch, sample
};

/// Stable 64-bit hash (FNV-1a) of a name, for RandomKey::stream.
constexpr uint64_t stream_of(std::string_view name) {
  uint64_t h = 0xcbf29ce484222325ULL;
  for (char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return h;
}

/// Mixes two integers into one (SplitMix64's finaliser), to fold epoch and sample into one step.
constexpr uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t z = a * 0x9e3779b97f4a7c15ULL + b + 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

inline constexpr int philox_rounds = 10;
inline constexpr uint32_t philox_multiplier_0 = 0xD2511F53u, philox_multiplier_1 = 0xCD9E8D57u;
inline constexpr uint32_t philox_weyl_0 = 0x9E3779B9u, philox_weyl_1 = 0xBB67AE85u;

/// The cipher's key of a stream; step and index are its counter.
PIXELGRAD_HD constexpr uint64_t philox_key(const RandomKey& key) {
  return key.seed * 0x9e3779b97f4a7c15ULL ^ key.stream;
}

/// Four 32-bit numbers for block `index` of the key's stream.
PIXELGRAD_HD constexpr std::array<uint32_t, 4> philox(const RandomKey& key, uint64_t index) {
  const uint64_t k = philox_key(key);
  uint32_t k0 = static_cast<uint32_t>(k), k1 = static_cast<uint32_t>(k >> 32);
  uint32_t c0 = static_cast<uint32_t>(index), c1 = static_cast<uint32_t>(index >> 32);
  uint32_t c2 = static_cast<uint32_t>(key.step), c3 = static_cast<uint32_t>(key.step >> 32);
  for (int round = 0; round < philox_rounds; ++round) {
    const uint64_t p0 = uint64_t{philox_multiplier_0} * c0, p1 = uint64_t{philox_multiplier_1} * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    const uint32_t n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c0 = n0;
    c1 = static_cast<uint32_t>(p1);
    c2 = n2;
    c3 = static_cast<uint32_t>(p0);
    k0 += philox_weyl_0;
    k1 += philox_weyl_1;
  }
  return {c0, c1, c2, c3};
}

/// Uniform in [0, 1) with 24 bits (f32) from 32 random bits.
PIXELGRAD_HD constexpr float uniform_f32(uint32_t bits) {
  return static_cast<float>(bits >> 8) * 0x1p-24f;
}
/// Uniform in [0, 1) with 53 bits from 64 random bits.
PIXELGRAD_HD constexpr double uniform_f64(uint32_t hi, uint32_t lo) {
  return static_cast<double>(((uint64_t{hi} << 32) | lo) >> 11) * 0x1p-53;
}

/// A sequential reader of one key's stream, for host code: shuffles, augmentation, renderers.
class Random {
 public:
  explicit Random(const RandomKey& key) : key_(key) {}
  uint32_t next();
  /// Uniform in [0, 1).
  double uniform();
  /// Uniform in [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Standard normal (Box-Muller).
  double normal();
  /// Uniform integer in [0, n), without modulo bias. n must be at least 1.
  int64_t below(int64_t n);
  bool chance(double p) { return uniform() < p; }

 private:
  RandomKey key_;
  uint64_t index_ = 0;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
};

/// Fills `x` (f32 or f64, on the CPU) with numbers that depend on the key and the element's index
/// alone.
void fill_uniform(Tensor& x, const RandomKey& key, double low, double high);
void fill_normal(Tensor& x, const RandomKey& key, double mean, double stddev);

}  // namespace pixelgrad

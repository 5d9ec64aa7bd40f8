#include "tensor/kernels/dropout.h"

#include <algorithm>
#include <bit>

#include "tensor/dtype.h"
#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/dropout.cpp"
#include "tensor/cpu/simd.h"

#ifndef PIXELGRAD_TENSOR_CPU_DROPOUT
#define PIXELGRAD_TENSOR_CPU_DROPOUT
namespace pixelgrad::kernels {
template <class T>
struct DropoutTiles {
  /// Elements [begin, end) of the whole; begin is a multiple of 4.
  void (*dropout)(int64_t begin, int64_t end, const T* x, double p, const RandomKey& key, T* y);
};
}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// draw() fills bits[i] for elements first + i, i < chunk(): the Philox blocks first / 4 onwards, as
// `philox` gives them (tensor/random.h).
#if HWY_TARGET == HWY_SCALAR

constexpr int64_t chunk() { return 4; }

void draw(const RandomKey& key, int64_t first, uint32_t* bits) {
  const auto words = philox(key, static_cast<uint64_t>(first / 4));
  std::copy(words.begin(), words.end(), bits);
}

#else  // one block in each SIMD lane

using Words = hn::ScalableTag<uint32_t>;
using Word = hn::Vec<Words>;

int64_t chunk() { return 4 * static_cast<int64_t>(hn::Lanes(Words())); }

/// The upper halves of the 64-bit products of each lane.
Word multiply_high(Words d, Word a, Word b) {
  const hn::RepartitionToWide<Words> wide;
  const auto even = hn::MulEven(a, b);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, a))), b);
  return hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even)));
}

void draw(const RandomKey& key, int64_t first, uint32_t* bits) {
  const Words d;
  uint32_t low[hn::MaxLanes(d)], high[hn::MaxLanes(d)];
  for (size_t i = 0; i < hn::Lanes(d); ++i) {
    const uint64_t block = static_cast<uint64_t>(first / 4) + i;
    low[i] = static_cast<uint32_t>(block);
    high[i] = static_cast<uint32_t>(block >> 32);
  }
  Word c0 = hn::LoadU(d, low), c1 = hn::LoadU(d, high);
  Word c2 = hn::Set(d, static_cast<uint32_t>(key.step));
  Word c3 = hn::Set(d, static_cast<uint32_t>(key.step >> 32));
  const uint64_t k = philox_key(key);
  uint32_t k0 = static_cast<uint32_t>(k), k1 = static_cast<uint32_t>(k >> 32);
  const Word m0 = hn::Set(d, philox_multiplier_0), m1 = hn::Set(d, philox_multiplier_1);
  for (int round = 0; round < philox_rounds; ++round) {
    const Word n0 = hn::Xor(hn::Xor(multiply_high(d, c2, m1), c1), hn::Set(d, k0));
    const Word n2 = hn::Xor(hn::Xor(multiply_high(d, c0, m0), c3), hn::Set(d, k1));
    c1 = hn::Mul(c2, m1);
    c3 = hn::Mul(c0, m0);
    c0 = n0;
    c2 = n2;
    k0 += philox_weyl_0;
    k1 += philox_weyl_1;
  }
  hn::StoreInterleaved4(c0, c1, c2, c3, d, bits);
}

#endif

template <class T>
void dropout_tile(int64_t begin, int64_t end, const T* x, double p, const RandomKey& key, T* y) {
  using Value = compute_t<T>;
  using Pattern = std::conditional_t<sizeof(Value) == 4, uint32_t, uint64_t>;
  if (p >= 1) {
    std::fill(y + begin, y + end, static_cast<T>(0));
    return;
  }
  // Below 2^32 for p < 1, so that 32 bits do.
  const uint32_t threshold = static_cast<uint32_t>(dropout_threshold(p));
  const Value scale = static_cast<Value>(1 / (1 - p));
  constexpr size_t most = 4 * hn::MaxLanes(hn::ScalableTag<uint32_t>());
  uint32_t bits[most];
  for (int64_t first = begin; first < end; first += chunk()) {
    draw(key, first, bits);
    const int64_t n = std::min(chunk(), end - first);
    // Masks, for the compiler would make a choice a branch, mispredicted half of the time.
    for (int64_t i = 0; i < n; ++i) {
      const Pattern mask = Pattern{0} - static_cast<Pattern>(bits[i] >= threshold);
      const Pattern kept = std::bit_cast<Pattern>(x[first + i] * scale) & mask;
      y[first + i] = static_cast<T>(std::bit_cast<Value>(kept));
    }
  }
}

template <class T>
DropoutTiles<T> tiles() {
  return {.dropout = dropout_tile<T>};
}
PIXELGRAD_TARGET_ACTIVATION_TILES(DropoutTiles)

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {
PIXELGRAD_BEST_ACTIVATION_TILES(DropoutTiles)
}  // namespace

template <Device D, class T>
void dropout(int64_t n, const T* x, double p, const RandomKey& key, T* y) {
  const auto tile = best_tiles<T>().dropout;
  parallel_range(n, 1 << 15, [&](int64_t begin, int64_t end) { tile(begin, end, x, p, key, y); });
}

template void dropout<Device::cpu, float>(int64_t, const float*, double, const RandomKey&, float*);
template void dropout<Device::cpu, double>(int64_t, const double*, double, const RandomKey&,
                                           double*);
template void dropout<Device::cpu, bf16>(int64_t, const bf16*, double, const RandomKey&, bf16*);

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

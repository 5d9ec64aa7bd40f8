#include "tensor/kernels/binary_cross_entropy.h"

#include <algorithm>
#include <cmath>

#include "tensor/cpu/sum_tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/binary_cross_entropy.cpp"
#include "tensor/cpu/simd.h"
// After simd.h: highway.h first, then what builds on it.
#include <hwy/contrib/math/math-inl.h>

#ifndef PIXELGRAD_TENSOR_CPU_BINARY_CROSS_ENTROPY
#define PIXELGRAD_TENSOR_CPU_BINARY_CROSS_ENTROPY
namespace pixelgrad::kernels {
template <class T>
struct BinaryCrossEntropyTiles {
  /// Of the elements [begin, end); returns the loss before its division by n.
  double (*run)(const PixelLabels<T>& labels, int64_t channels, double inverse_count, int64_t begin,
                int64_t end, const T* logits, const T* pos_weight, T* dlogits);
};
}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t block = 512;  // whose exponentials stay in the first-level cache

/// e = exp(-|z|), which cannot overflow, and l = log(1 + e), of n values.
template <class T>
void exponentials(int64_t n, const T* z, T* e, T* l) {
  const auto run = [&](auto d, int64_t i) {
    const auto x = hn::Exp(d, hn::Neg(hn::Abs(hn::LoadU(d, z + i))));
    hn::StoreU(x, d, e + i);
    hn::StoreU(hn::Log1p(d, x), d, l + i);
  };
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) run(d, i);
  for (; i < n; ++i) run(hn::CappedTag<T, 1>(), i);
}

template <class T>
double run(const PixelLabels<T>& labels, int64_t channels, double inverse_count, int64_t begin,
           int64_t end, const T* logits, const T* pos_weight, T* dlogits) {
  T e[block], l[block];
  double total = 0;
  for (int64_t first = begin; first < end; first += block) {
    const int64_t n = std::min(block, end - first);
    exponentials(n, logits + first, e, l);
    for (int64_t j = 0; j < n; ++j) {
      const int64_t i = first + j;
      if (!labels.counts(i)) {
        if (dlogits) dlogits[i] = 0;
        continue;
      }
      const BinaryLogit<T> logit(labels, channels, pos_weight, i, logits[i]);
      total += logit.loss(l[j]);
      if (dlogits) dlogits[i] = logit.gradient(e[j], inverse_count);
    }
  }
  return total;
}

template <class T>
BinaryCrossEntropyTiles<T> tiles() {
  return {.run = run<T>};
}
PIXELGRAD_TARGET_TILES(BinaryCrossEntropyTiles)

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {

PIXELGRAD_BEST_TILES(BinaryCrossEntropyTiles)
constexpr int64_t values_a_tile = 1 << 14;

}  // namespace

template <Device D, class T>
void binary_cross_entropy(const PixelLabels<T>& labels, int64_t channels, const T* logits,
                          const T* pos_weight, T* loss, T* dlogits) {
  const double count = total_weight<D>(labels);
  const double inverse_count = count != 0 ? 1 / count : 0;
  const auto tile = best_tiles<T>().run;
  const double sum = sum_tiles(labels.pixels, values_a_tile, [&](int64_t begin, int64_t end) {
    return tile(labels, channels, inverse_count, begin, end, logits, pos_weight, dlogits);
  });
  *loss = static_cast<T>(sum * inverse_count);
}

#define PIXELGRAD_INSTANTIATE(T)                                                               \
  template void binary_cross_entropy<Device::cpu, T>(const PixelLabels<T>&, int64_t, const T*, \
                                                     const T*, T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

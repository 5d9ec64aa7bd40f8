#include "tensor/kernels/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "tensor/cpu/sum_tiles.h"
#include "tensor/mutant_internal.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/cross_entropy.cpp"
#include "tensor/cpu/simd.h"
// After simd.h, which chooses the target that it is compiled for.
#include "tensor/cpu/softmax_block-inl.h"

#ifndef PIXELGRAD_TENSOR_CPU_CROSS_ENTROPY
#define PIXELGRAD_TENSOR_CPU_CROSS_ENTROPY
namespace pixelgrad::kernels {

/// What the pixels of a cross entropy have in common; letters as in the declaration.
struct CrossEntropyTerms {
  std::vector<double> hard;  ///< (1 - a) w[k]: times -log p[label]
  std::vector<double> soft;  ///< a/K w[k]: times -log p[k]; empty where a = 0
  double soft_sum;           ///< sum of soft
  double inverse_total;      ///< 1 / W, or 0 where W = 0
};

/// Of the pixels [begin, end); the losses are returned before their division by W.
template <class T>
struct CrossEntropyTiles {
  double (*cross_entropy)(const PixelLabels<T>& labels, const CrossEntropyTerms& terms,
                          int64_t begin, int64_t end, const T* logits, T* dlogits);
  double (*focal_loss)(const PixelLabels<T>& labels, double gamma, double inverse_total,
                       int64_t begin, int64_t end, const T* logits, T* dlogits);
  /// of the pixel's class; where the pixel does not count 1
  void (*true_probability)(const PixelLabels<T>& labels, int64_t begin, int64_t end,
                           const T* logits, T* probability);
};

}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {

/// A pixel that counts, after its softmax. exp(k) is relative to the largest logit.
template <class T>
struct SoftmaxPixel {
  const SoftmaxBlock<T>& block;
  int64_t row;  ///< in the block
  int32_t label;
  const T* z;  ///< logits
  T* dz;       ///< null where no gradient is wanted

  T exp(int64_t k) const { return block.exp(k)[row]; }
  double sum() const { return static_cast<double>(block.sum()[row]); }
  /// -log p[k]
  double surprise(int64_t k) const {
    return static_cast<double>(block.log_sum()[row]) +
           (static_cast<double>(block.largest()[row]) - static_cast<double>(z[k]));
  }
};

/// Calls f for each pixel of [begin, end) that counts; the gradient of the others is 0.
template <class T, class F>
HWY_INLINE void for_softmax_pixels(const PixelLabels<T>& labels, int64_t begin, int64_t end,
                                   const T* logits, T* dlogits, const F& f) {
  const int64_t classes = labels.classes;
  SoftmaxBlock<T> block(classes);
  for (int64_t first = begin; first < end; first += block.capacity()) {
    const int64_t n = std::min(block.capacity(), end - first);
    block.run(n, logits + first * classes);
    for (int64_t row = 0; row < n; ++row) {
      const int64_t p = first + row;
      T* dz = dlogits ? dlogits + p * classes : nullptr;
      if (labels.counts(p))
        f(p, SoftmaxPixel<T>{block, row, labels.labels[p], logits + p * classes, dz});
      else if (dz)
        std::fill_n(dz, classes, T{0});
    }
  }
}

template <class T>
double cross_entropy(const PixelLabels<T>& labels, const CrossEntropyTerms& terms, int64_t begin,
                     int64_t end, const T* logits, T* dlogits) {
  const int64_t classes = labels.classes;
  double total = 0;
  for_softmax_pixels(labels, begin, end, logits, dlogits, [&](int64_t, const SoftmaxPixel<T>& px) {
    const double hard = terms.hard[static_cast<size_t>(px.label)];
    total += hard * px.surprise(px.label);
    for (size_t k = 0; k < terms.soft.size(); ++k)
      total += terms.soft[k] * px.surprise(static_cast<int64_t>(k));
    if (!px.dz) return;
    const T factor = static_cast<T>((hard + terms.soft_sum) * terms.inverse_total / px.sum());
    for (int64_t k = 0; k < classes; ++k) px.dz[k] = factor * px.exp(k);
    for (size_t k = 0; k < terms.soft.size(); ++k)
      px.dz[k] -= static_cast<T>(terms.soft[k] * terms.inverse_total);
    px.dz[px.label] -= static_cast<T>(hard * terms.inverse_total);
  });
  return total;
}

template <class T>
double focal_loss(const PixelLabels<T>& labels, double gamma, double inverse_total, int64_t begin,
                  int64_t end, const T* logits, T* dlogits) {
  const int64_t classes = labels.classes;
  double total = 0;
  for_softmax_pixels(labels, begin, end, logits, dlogits,
                     [&](int64_t p, const SoftmaxPixel<T>& px) {
                       double others = 0;
                       for (int64_t k = 0; k < classes; ++k)
                         if (k != px.label) others += static_cast<double>(px.exp(k));
                       // In double: an error of the sum counts gamma + 1 times.
                       const double sum = others + static_cast<double>(px.exp(px.label));
                       const double rest = others / sum;  // 1 - p[label]
                       const FocalPixel focal(rest, px.surprise(px.label), labels.weight(p), gamma);
                       total += focal.loss;
                       if (!px.dz) return;
                       const double factor = focal.slope * inverse_total;
                       const T scale = static_cast<T>(factor / sum);
                       for (int64_t k = 0; k < classes; ++k) px.dz[k] = scale * px.exp(k);
                       px.dz[px.label] = static_cast<T>(-factor * rest);
                     });
  return total;
}

template <class T>
void true_probability(const PixelLabels<T>& labels, int64_t begin, int64_t end, const T* logits,
                      T* probability) {
  std::fill(probability + begin, probability + end, T{1});
  for_softmax_pixels<T>(labels, begin, end, logits, nullptr,
                        [&](int64_t p, const SoftmaxPixel<T>& px) {
                          probability[p] = static_cast<T>(px.exp(px.label) / px.sum());
                        });
}

template <class T>
CrossEntropyTiles<T> tiles() {
  return {.cross_entropy = cross_entropy<T>,
          .focal_loss = focal_loss<T>,
          .true_probability = true_probability<T>};
}
PIXELGRAD_TARGET_TILES(CrossEntropyTiles)

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {

PIXELGRAD_BEST_TILES(CrossEntropyTiles)

/// Pixels that make a tile of about 32K values.
int64_t pixels_a_tile(int64_t classes) { return std::max<int64_t>(1, (1 << 15) / classes); }

/// 1 / W, or 0 where W = 0.
template <Device D, class T>
double inverse_weight(const PixelLabels<T>& labels) {
  const double total = total_weight<D>(labels);
  return total != 0 ? 1 / total : 0;
}

}  // namespace

template <Device D, class T>
void cross_entropy(const PixelLabels<T>& labels, double smoothing, const T* logits, T* loss,
                   T* dlogits) {
  CrossEntropyTerms terms{{}, {}, 0, inverse_weight<D>(labels)};
  const CrossEntropyWeights<T> weights(labels, smoothing);
  for (int64_t k = 0; k < labels.classes; ++k) {
    terms.hard.push_back(weights.hard(k));
    if (smoothing == 0) continue;
    terms.soft.push_back(weights.soft(k));
    terms.soft_sum += PIXELGRAD_MUTANT(cross_entropy_backward_smoothing_without_weights,
                                       terms.soft.back(), weights.soft_share);
  }
  const auto tile = best_tiles<T>().cross_entropy;
  const double sum = sum_tiles(
      labels.pixels, pixels_a_tile(labels.classes),
      [&](int64_t begin, int64_t end) { return tile(labels, terms, begin, end, logits, dlogits); });
  *loss = static_cast<T>(sum * terms.inverse_total);
}

template <Device D, class T>
void focal_loss(const PixelLabels<T>& labels, double gamma, const T* logits, T* loss, T* dlogits) {
  const double inverse_total = inverse_weight<D>(labels);
  const auto tile = best_tiles<T>().focal_loss;
  const double sum =
      sum_tiles(labels.pixels, pixels_a_tile(labels.classes), [&](int64_t begin, int64_t end) {
        return tile(labels, gamma, inverse_total, begin, end, logits, dlogits);
      });
  *loss = static_cast<T>(sum * inverse_total);
}

template <Device D, class T>
void keep_hard_pixels(const PixelLabels<T>& labels, const T* logits, double threshold,
                      int64_t min_kept, int32_t* kept) {
  std::vector<T> probability(static_cast<size_t>(labels.pixels));
  const auto tile = best_tiles<T>().true_probability;
  parallel_range(labels.pixels, pixels_a_tile(labels.classes), [&](int64_t begin, int64_t end) {
    tile(labels, begin, end, logits, probability.data());
  });
  // A NaN is as hard as can be: it must reach the loss.
  std::vector<std::pair<T, int64_t>> counted;
  std::fill_n(kept, labels.pixels, labels.ignore_index);
  int64_t hard = 0;
  for (int64_t p = 0; p < labels.pixels; ++p) {
    if (!labels.counts(p)) continue;
    const T own = probability[static_cast<size_t>(p)];
    counted.emplace_back(std::isnan(own) ? T{-1} : own, p);
    const bool easy = static_cast<double>(own) >= threshold;
    if (PIXELGRAD_MUTANT(ohem_keeps_the_easy_pixels, easy, !easy)) continue;
    kept[p] = labels.labels[p];
    ++hard;
  }
  if (hard >= min_kept) return;
  // Pairs are ordered by probability and then by pixel, so which are the lowest is never a choice.
  const auto n = std::min(min_kept, static_cast<int64_t>(counted.size()));
  std::nth_element(counted.begin(), counted.begin() + n, counted.end());
  for (int64_t i = 0; i < n; ++i) {
    const int64_t p = counted[static_cast<size_t>(i)].second;
    kept[p] = labels.labels[p];
  }
}

#define PIXELGRAD_INSTANTIATE(T)                                                                   \
  template void cross_entropy<Device::cpu, T>(const PixelLabels<T>&, double, const T*, T*, T*);    \
  template void focal_loss<Device::cpu, T>(const PixelLabels<T>&, double, const T*, T*, T*);       \
  template void keep_hard_pixels<Device::cpu, T>(const PixelLabels<T>&, const T*, double, int64_t, \
                                                 int32_t*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

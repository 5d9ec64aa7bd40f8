#include "tensor/kernels/loss.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/loss.cpp"
#include "tensor/cpu/simd.h"
// After simd.h, which chooses the target that it is compiled for.
#include "tensor/cpu/softmax_block-inl.h"

#ifndef PIXELGRAD_TENSOR_CPU_LOSS
#define PIXELGRAD_TENSOR_CPU_LOSS
namespace pixelgrad::kernels {

/// What the pixels of a cross entropy have in common; letters as in the declaration.
template <class T>
struct CrossEntropyTerms {
  int64_t classes;
  int32_t ignore_index;
  std::vector<double> hard;  ///< (1 - a) w[k]: times -log p[label]
  std::vector<double> soft;  ///< a/K w[k]: times -log p[k]; empty where a = 0
  double soft_sum;           ///< sum of soft
  double inverse_total;      ///< 1 / W, or 0 where W = 0
};

template <class T>
struct LossTiles {
  /// Returns the sum over pixels before the division by W.
  double (*cross_entropy)(const CrossEntropyTerms<T>& terms, int64_t pixels, const T* logits,
                          const int32_t* labels, T* dlogits);
  double (*squared_distance)(int64_t n, const T* a, const T* b);
  void (*scaled_difference)(int64_t n, const T* a, const T* b, T scale, T* y);
};

}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {

template <class T>
double cross_entropy(const CrossEntropyTerms<T>& terms, int64_t pixels, const T* logits,
                     const int32_t* labels, T* dlogits) {
  const int64_t classes = terms.classes;
  SoftmaxBlock<T> block(classes);
  double total = 0;
  for (int64_t first = 0; first < pixels; first += block.capacity()) {
    const int64_t n = std::min(block.capacity(), pixels - first);
    block.run(n, logits + first * classes);
    for (int64_t p = 0; p < n; ++p) {
      const int32_t label = labels[first + p];
      const T* z = logits + (first + p) * classes;
      T* dz = dlogits ? dlogits + (first + p) * classes : nullptr;
      if (label == terms.ignore_index) {
        if (dz) std::fill_n(dz, classes, T{0});
        continue;
      }
      const double log_sum = static_cast<double>(block.log_sum()[p]);
      const double largest = static_cast<double>(block.largest()[p]);
      const double hard = terms.hard[static_cast<size_t>(label)];
      total += hard * (log_sum + (largest - static_cast<double>(z[label])));
      if (!terms.soft.empty())
        for (int64_t k = 0; k < classes; ++k)
          total += terms.soft[static_cast<size_t>(k)] *
                   (log_sum + (largest - static_cast<double>(z[k])));
      if (!dz) continue;
      const T factor = static_cast<T>((hard + terms.soft_sum) * terms.inverse_total /
                                      static_cast<double>(block.sum()[p]));
      for (int64_t k = 0; k < classes; ++k) dz[k] = factor * block.exp(k)[p];
      if (!terms.soft.empty())
        for (int64_t k = 0; k < classes; ++k)
          dz[k] -= static_cast<T>(terms.soft[static_cast<size_t>(k)] * terms.inverse_total);
      dz[label] -= static_cast<T>(hard * terms.inverse_total);
    }
  }
  return total;
}

template <class T>
double squared_distance(int64_t n, const T* a, const T* b) {
  constexpr int lanes = 16;  // independent sums: the order is fixed and yet there are no stalls
  double sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int j = 0; j < lanes; ++j) {
      const double d = static_cast<double>(a[i + j]) - static_cast<double>(b[i + j]);
      sums[j] += d * d;
    }
  for (int j = 0; i < n; ++i, ++j) {
    const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sums[j] += d * d;
  }
  double total = 0;
  for (double s : sums) total += s;
  return total;
}

template <class T>
void scaled_difference(int64_t n, const T* a, const T* b, T scale, T* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = scale * (a[i] - b[i]);
}

template <class T>
LossTiles<T> tiles() {
  return {.cross_entropy = cross_entropy<T>,
          .squared_distance = squared_distance<T>,
          .scaled_difference = scaled_difference<T>};
}
LossTiles<float> tiles_f32() { return tiles<float>(); }
LossTiles<double> tiles_f64() { return tiles<double>(); }

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {

HWY_EXPORT(tiles_f32);
HWY_EXPORT(tiles_f64);
template <class T>
LossTiles<T> best_tiles() {
  if constexpr (std::is_same_v<T, float>)
    return HWY_DYNAMIC_DISPATCH(tiles_f32)();
  else
    return HWY_DYNAMIC_DISPATCH(tiles_f64)();
}

/// Cuts [0, n) into tiles and adds up f(begin, end) in tile order.
template <class F>
double sum_tiles(int64_t n, int64_t grain, const F& f) {
  std::vector<double> partial(static_cast<size_t>((n + grain - 1) / grain));
  parallel_range(n, grain, [&](int64_t begin, int64_t end) {
    partial[static_cast<size_t>(begin / grain)] = f(begin, end);
  });
  double total = 0;
  for (double p : partial) total += p;
  return total;
}

constexpr int64_t values_a_tile = 1 << 15;

}  // namespace

template <Device D>
int64_t find_bad_label(const CrossEntropyGeometry& g, const int32_t* labels) {
  std::atomic<int64_t> found{g.pixels};
  parallel_range(g.pixels, values_a_tile, [&](int64_t begin, int64_t end) {
    const int32_t* bad = std::find_if(labels + begin, labels + end, [&](int32_t label) {
      return label != g.ignore_index && (label < 0 || label >= g.classes);
    });
    const int64_t at = bad - labels;
    if (at == end) return;
    int64_t first = found.load();
    while (at < first && !found.compare_exchange_weak(first, at)) {
    }
  });
  return found == g.pixels ? -1 : found.load();
}

template <Device D, class T>
void cross_entropy(const CrossEntropyGeometry& g, const T* logits, const int32_t* labels,
                   const T* class_weights, T* loss, T* dlogits) {
  const auto weight = [&](int64_t k) {
    return class_weights ? static_cast<double>(class_weights[k]) : 1.0;
  };
  CrossEntropyTerms<T> terms{g.classes, g.ignore_index, {}, {}, 0, 0};
  for (int64_t k = 0; k < g.classes; ++k) {
    terms.hard.push_back((1 - g.label_smoothing) * weight(k));
    if (g.label_smoothing == 0) continue;
    terms.soft.push_back(g.label_smoothing / static_cast<double>(g.classes) * weight(k));
    terms.soft_sum += terms.soft.back();
  }
  const double total = sum_tiles(g.pixels, values_a_tile, [&](int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t p = begin; p < end; ++p)
      if (labels[p] != g.ignore_index) sum += weight(labels[p]);
    return sum;
  });
  terms.inverse_total = total != 0 ? 1 / total : 0;
  const int64_t grain = std::max<int64_t>(1, values_a_tile / g.classes);
  const auto tile = best_tiles<T>().cross_entropy;
  const double sum = sum_tiles(g.pixels, grain, [&](int64_t begin, int64_t end) {
    return tile(terms, end - begin, logits + begin * g.classes, labels + begin,
                dlogits ? dlogits + begin * g.classes : nullptr);
  });
  *loss = static_cast<T>(sum * terms.inverse_total);
}

template <Device D, class T>
void mse_forward(int64_t n, const T* x, const T* target, T* loss) {
  const auto tile = best_tiles<T>().squared_distance;
  const double sum = sum_tiles(n, values_a_tile, [&](int64_t begin, int64_t end) {
    return tile(end - begin, x + begin, target + begin);
  });
  *loss = static_cast<T>(sum / static_cast<double>(n));
}

template <Device D, class T>
void mse_backward(int64_t n, const T* x, const T* target, const T* dy, T* dx) {
  const auto tile = best_tiles<T>().scaled_difference;
  const T scale = static_cast<T>(2 * static_cast<double>(*dy) / static_cast<double>(n));
  parallel_range(n, values_a_tile,
                 [&](int64_t i, int64_t end) { tile(end - i, x + i, target + i, scale, dx + i); });
}

template int64_t find_bad_label<Device::cpu>(const CrossEntropyGeometry&, const int32_t*);

#define PIXELGRAD_INSTANTIATE(T)                                                     \
  template void cross_entropy<Device::cpu, T>(const CrossEntropyGeometry&, const T*, \
                                              const int32_t*, const T*, T*, T*);     \
  template void mse_forward<Device::cpu, T>(int64_t, const T*, const T*, T*);        \
  template void mse_backward<Device::cpu, T>(int64_t, const T*, const T*, const T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

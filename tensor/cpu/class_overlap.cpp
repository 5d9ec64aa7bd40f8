#include "tensor/kernels/class_overlap.h"

#include <algorithm>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/class_overlap.cpp"
#include "tensor/cpu/simd.h"

#ifndef PIXELGRAD_TENSOR_CPU_CLASS_OVERLAP
#define PIXELGRAD_TENSOR_CPU_CLASS_OVERLAP
namespace pixelgrad::kernels {
/// Of the pixels [begin, end).
template <class T>
struct ClassOverlapTiles {
  /// Adds to the three sums.
  void (*forward)(const PixelLabels<T>& labels, int64_t begin, int64_t end, const T* p,
                  double* overlap, double* predicted, double* truth);
  void (*backward)(const PixelLabels<T>& labels, int64_t begin, int64_t end, const T* p,
                   const T* doverlap, const T* dpredicted, T* dlogits);
};
}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {

template <class T>
void forward(const PixelLabels<T>& labels, int64_t begin, int64_t end, const T* p, double* overlap,
             double* predicted, double* truth) {
  const int64_t classes = labels.classes;
  for (int64_t i = begin; i < end; ++i) {
    if (!labels.counts(i)) continue;
    const T* row = p + i * classes;
    const int32_t label = labels.labels[i];
    for (int64_t k = 0; k < classes; ++k) predicted[k] += static_cast<double>(row[k]);
    overlap[label] += static_cast<double>(row[label]);
    truth[label] += 1;
  }
}

template <class T>
void backward(const PixelLabels<T>& labels, int64_t begin, int64_t end, const T* p,
              const T* doverlap, const T* dpredicted, T* dlogits) {
  const int64_t classes = labels.classes;
  for (int64_t i = begin; i < end; ++i) {
    const T* row = p + i * classes;
    T* dz = dlogits + i * classes;
    if (!labels.counts(i)) {
      std::fill_n(dz, classes, T{0});
      continue;
    }
    const int32_t label = labels.labels[i];
    const T own = row[label];  // read before dz, which may be row, is written
    acc_t<T> sum = static_cast<acc_t<T>>(doverlap[label]) * own, total = 0;
    for (int64_t k = 0; k < classes; ++k) {
      sum += static_cast<acc_t<T>>(dpredicted[k]) * row[k];
      total += row[k];
    }
    const T mean = static_cast<T>(sum / total);
    for (int64_t k = 0; k < classes; ++k) dz[k] = row[k] * (dpredicted[k] - mean);
    dz[label] += own * doverlap[label];
  }
}

template <class T>
ClassOverlapTiles<T> tiles() {
  return {.forward = forward<T>, .backward = backward<T>};
}
PIXELGRAD_TARGET_TILES(ClassOverlapTiles)

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {

PIXELGRAD_BEST_TILES(ClassOverlapTiles)

/// Pixels that make a tile of about 32K values.
int64_t pixels_a_tile(int64_t classes) { return std::max<int64_t>(1, (1 << 15) / classes); }

}  // namespace

template <Device D, class T>
void class_overlap(const PixelLabels<T>& labels, const T* p, double* overlap, double* predicted,
                   double* truth) {
  const int64_t grain = pixels_a_tile(labels.classes);
  const size_t classes = static_cast<size_t>(labels.classes);
  const size_t parts = static_cast<size_t>((labels.pixels + grain - 1) / grain);
  std::vector<double> sums(parts * 3 * classes);
  const auto tile = best_tiles<T>().forward;
  parallel_range(labels.pixels, grain, [&](int64_t begin, int64_t end) {
    double* part = sums.data() + static_cast<size_t>(begin / grain) * 3 * classes;
    tile(labels, begin, end, p, part, part + classes, part + 2 * classes);
  });
  const auto add_up = [&](size_t which, double* out) {
    std::fill_n(out, classes, 0.0);
    for (size_t part = 0; part < parts; ++part)
      for (size_t k = 0; k < classes; ++k) out[k] += sums[(part * 3 + which) * classes + k];
  };
  add_up(0, overlap);
  add_up(1, predicted);
  add_up(2, truth);
}

template <Device D, class T>
void class_overlap_backward(const PixelLabels<T>& labels, const T* p, const double* doverlap,
                            const double* dpredicted, T* dlogits) {
  // In the type of p, for the sake of its vectors.
  const std::vector<T> of_overlap(doverlap, doverlap + labels.classes);
  const std::vector<T> of_predicted(dpredicted, dpredicted + labels.classes);
  const auto tile = best_tiles<T>().backward;
  parallel_range(labels.pixels, pixels_a_tile(labels.classes), [&](int64_t begin, int64_t end) {
    tile(labels, begin, end, p, of_overlap.data(), of_predicted.data(), dlogits);
  });
}

#define PIXELGRAD_INSTANTIATE(T)                                                                 \
  template void class_overlap<Device::cpu, T>(const PixelLabels<T>&, const T*, double*, double*, \
                                              double*);                                          \
  template void class_overlap_backward<Device::cpu, T>(const PixelLabels<T>&, const T*,          \
                                                       const double*, const double*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

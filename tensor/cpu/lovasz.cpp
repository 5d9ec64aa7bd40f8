#include "tensor/kernels/lovasz.h"

#include <hwy/contrib/sort/vqsort.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "tensor/check.h"
#include "tensor/dtype.h"
#include "tensor/mutant_internal.h"
#include "tensor/parallel.h"

namespace pixelgrad::kernels {
namespace {

/// Labels and probabilities of one image.
template <class T>
struct LovaszImage {
  PixelLabels<T> labels;
  const T* p;
  T* dp;  ///< null where no gradient is wanted
};

/// Errors of pixels, to be sorted from the largest down, equal ones in the order of the pixels.
template <class T>
class SortedErrors {
 public:
  explicit SortedErrors(int64_t most) { errors_.reserve(static_cast<size_t>(most)); }
  void add(T error, int64_t pixel) { errors_.push_back({error, pixel}); }
  void sort() {
    std::sort(errors_.begin(), errors_.end(), [](const Entry& a, const Entry& b) {
      if (a.error != b.error)
        return PIXELGRAD_MUTANT(lovasz_sorted_upwards, a.error > b.error, a.error < b.error);
      return a.pixel < b.pixel;
    });
  }
  template <class F>
  void for_each(const F& f) const {
    for (const Entry& e : errors_) f(e.error, e.pixel);
  }

 private:
  struct Entry {
    T error;
    int64_t pixel;
  };
  std::vector<Entry> errors_;
};

/// In single precision an entry fits 64 bits, which Highway sorts as one number, ten times as fast:
/// in the upper half the error, whose bits order like the number as it is not negative, inverted
/// for the largest to come first; below it the pixel.
template <>
class SortedErrors<float> {
 public:
  explicit SortedErrors(int64_t most) {
    check(most <= UINT32_MAX, "[lovasz_softmax] ", most, " pixels, expected at most ", UINT32_MAX);
    entries_.reserve(static_cast<size_t>(most));
  }
  void add(float error, int64_t pixel) {
    const uint32_t bits = std::bit_cast<uint32_t>(std::max(error, 0.0f));
    entries_.push_back(uint64_t{in_order(bits)} << 32 | static_cast<uint32_t>(pixel));
  }
  void sort() { hwy::Sorter()(entries_.data(), entries_.size(), hwy::SortAscending()); }
  template <class F>
  void for_each(const F& f) const {
    for (const uint64_t entry : entries_)
      f(std::bit_cast<float>(in_order(static_cast<uint32_t>(entry >> 32))),
        static_cast<int64_t>(entry & UINT32_MAX));
  }

 private:
  static uint32_t in_order(uint32_t bits) {
    return PIXELGRAD_MUTANT(lovasz_sorted_upwards, ~bits, bits);
  }
  std::vector<uint64_t> entries_;
};

/// The loss of one class in one image, and `weight` times its gradient. `truth` is the number of
/// pixels of the class.
template <class T>
double class_loss(const LovaszImage<T>& image, int64_t k, double truth, double weight) {
  const PixelLabels<T>& labels = image.labels;
  const int64_t classes = labels.classes;
  SortedErrors<T> errors(labels.pixels);
  bool finite = true;
  for (int64_t i = 0; i < labels.pixels; ++i) {
    if (!labels.counts(i)) continue;
    const T p = image.p[i * classes + k];
    finite = finite && !std::isnan(p);
    errors.add(labels.labels[i] == k ? 1 - p : p, i);
  }
  if (!finite) return std::numeric_limits<double>::quiet_NaN();  // and NaNs cannot be sorted
  errors.sort();
  // With the first i pixels wrong, those of the class among them are lost from the intersection,
  // and the others are added to the union.
  double intersection = truth, united = truth, before = 0, loss = 0;
  errors.for_each([&](T error, int64_t pixel) {
    const bool own = labels.labels[pixel] == k;
    if (own)
      intersection -= 1;
    else
      united += 1;
    const double jaccard_loss = 1 - intersection / united, step = jaccard_loss - before;
    before = jaccard_loss;
    loss += static_cast<double>(error) * step;
    if (image.dp) image.dp[pixel * classes + k] = static_cast<T>((own ? -weight : weight) * step);
  });
  return loss;
}

/// d[k] = p[k] (d[k] - sum_j d[j] p[j] / sum_j p[j]) for each pixel that counts; what a pixel that
/// does not holds, if only NaNs, stays out.
template <class T>
void through_softmax(const PixelLabels<T>& labels, const T* p, T* d) {
  const int64_t classes = labels.classes, grain = std::max<int64_t>(1, (1 << 15) / classes);
  parallel_range(labels.pixels, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (!labels.counts(i)) continue;
      const T* mine = p + i * classes;
      T* to = d + i * classes;
      acc_t<T> sum = 0, total = 0;
      for (int64_t k = 0; k < classes; ++k) {
        sum += static_cast<acc_t<T>>(to[k]) * mine[k];
        total += mine[k];
      }
      const T mean = static_cast<T>(sum / total);
      for (int64_t k = 0; k < classes; ++k) to[k] = mine[k] * (to[k] - mean);
    }
  });
}

}  // namespace

template <Device D, class T>
void lovasz_softmax(const PixelLabels<T>& labels, int64_t images, bool only_present, const T* p,
                    T* loss, T* dlogits) {
  const int64_t classes = labels.classes, pixels = images > 0 ? labels.pixels / images : 0;
  T* dp = dlogits;  // at first by the probabilities
  if (dp) std::fill_n(dp, labels.pixels * classes, T{0});
  // First what each class of each image weighs, which needs the labels alone.
  std::vector<int64_t> truth(static_cast<size_t>(images * classes));
  std::vector<double> weights(truth.size());
  int64_t counted_images = 0;
  const auto image_at = [&](int64_t n) {
    LovaszImage<T> image{labels, p + n * pixels * classes,
                         dp ? dp + n * pixels * classes : nullptr};
    image.labels.labels += n * pixels;
    image.labels.pixels = pixels;
    return image;
  };
  for (int64_t n = 0; n < images; ++n) {
    int64_t* own = truth.data() + n * classes;
    double* weight = weights.data() + n * classes;
    count_classes<D>(image_at(n).labels, own);
    double total = 0;
    const bool empty = std::all_of(own, own + classes, [](int64_t count) { return count == 0; });
    for (int64_t k = 0; k < classes && !empty; ++k) {
      const bool present =
          own[k] > 0 || !PIXELGRAD_MUTANT(lovasz_counts_absent_classes, only_present, false);
      total += weight[k] = present ? labels.class_weight(k) : 0;
    }
    for (int64_t k = 0; k < classes; ++k) weight[k] = total != 0 ? weight[k] / total : 0;
    counted_images += !empty;
  }
  std::vector<double> losses(weights.size());
  parallel_for(images * classes, [&](int64_t task) {
    const size_t at = static_cast<size_t>(task);
    if (weights[at] == 0) return;
    weights[at] /= static_cast<double>(counted_images);
    losses[at] = weights[at] * class_loss(image_at(task / classes), task % classes,
                                          static_cast<double>(truth[at]), weights[at]);
  });
  double total = 0;
  for (double l : losses) total += l;
  *loss = static_cast<T>(total);
  if (dlogits) through_softmax(labels, p, dlogits);
}

#define PIXELGRAD_INSTANTIATE(T)                                                                   \
  template void lovasz_softmax<Device::cpu, T>(const PixelLabels<T>&, int64_t, bool, const T*, T*, \
                                               T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels

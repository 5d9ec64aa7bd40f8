#include "tensor/kernels/pixel_labels.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "tensor/cpu/sum_tiles.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad::kernels {
namespace {

constexpr int64_t pixels_a_tile = 1 << 15;

}  // namespace

template <Device D, class T>
int64_t find_bad_label(const PixelLabels<T>& labels) {
  std::atomic<int64_t> found{labels.pixels};
  parallel_range(labels.pixels, pixels_a_tile, [&](int64_t begin, int64_t end) {
    int64_t at = begin;
    while (at < end && labels.valid(at)) ++at;
    if (at == end) return;
    int64_t first = found.load();
    while (at < first && !found.compare_exchange_weak(first, at)) {
    }
  });
  return found == labels.pixels ? -1 : found.load();
}

template <Device D, class T>
double total_weight(const PixelLabels<T>& labels) {
  return sum_tiles(labels.pixels, pixels_a_tile, [&](int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t p = begin; p < end; ++p)
      sum += PIXELGRAD_MUTANT(loss_divides_by_all_pixels, labels.weight(p),
                              labels.counts(p) ? labels.weight(p) : 1.0);
    return PIXELGRAD_MUTANT(loss_weights_not_in_the_divisor, sum, static_cast<double>(end - begin));
  });
}

template <Device D, class T>
void count_classes(const PixelLabels<T>& labels, int64_t* counts) {
  std::fill_n(counts, labels.classes, int64_t{0});
  for (int64_t p = 0; p < labels.pixels; ++p)
    if (labels.counts(p)) ++counts[labels.labels[p]];
}

#define PIXELGRAD_INSTANTIATE(T)                                          \
  template int64_t find_bad_label<Device::cpu, T>(const PixelLabels<T>&); \
  template double total_weight<Device::cpu, T>(const PixelLabels<T>&);    \
  template void count_classes<Device::cpu, T>(const PixelLabels<T>&, int64_t*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels

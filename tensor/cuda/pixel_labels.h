#pragma once
#include "tensor/cuda/sums.h"
#include "tensor/kernels/pixel_labels.h"

// What the losses need of labels, left on the device so that the host need not wait for it.
namespace pixelgrad::cuda {

/// *total = kernels::total_weight
template <class T>
void total_weight(const kernels::PixelLabels<T>& labels, double* total);

/// 1 / W, or 0 where W = 0.
__device__ inline double inverse_weight(const double* total) {
  return *total != 0 ? 1 / *total : 0;
}

/// Counts the pixels of class `column` in image `outer`.
template <class T>
struct OfClass {
  kernels::PixelLabels<T> labels;
  int64_t pixels;  ///< of an image
  __device__ void operator()(int64_t outer, int64_t row, int64_t column, Sums<1>& sums) const {
    const int64_t pixel = outer * pixels + row;
    sums.value[0] += labels.counts(pixel) && labels.labels[pixel] == column ? 1 : 0;
  }
};

}  // namespace pixelgrad::cuda

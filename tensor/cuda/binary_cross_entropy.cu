#include "tensor/kernels/binary_cross_entropy.h"

#include <cmath>

#include "tensor/cuda/pixel_labels.h"
#include "tensor/cuda/scratch.h"
#include "tensor/cuda/sums.h"

namespace pixelgrad::kernels {
namespace {

/// Adds a logit's loss, and writes its gradient, for which `count` must be there.
template <class T>
struct Loss {
  PixelLabels<T> labels;
  int64_t channels;
  const T *logits, *pos_weight;
  const double* count;
  T* dlogits;  ///< null where no gradient is wanted
  __device__ void operator()(int64_t, int64_t row, int64_t, cuda::Sums<1>& sums) const {
    if (!labels.counts(row)) {
      if (dlogits) dlogits[row] = 0;
      return;
    }
    const T z = logits[row], e = std::exp(z < 0 ? z : -z);
    const BinaryLogit<T> logit(labels, channels, pos_weight, row, z);
    sums.value[0] += logit.loss(std::log1p(e));
    if (dlogits) dlogits[row] = logit.gradient(e, cuda::inverse_weight(count));
  }
};

template <class T>
struct Mean {
  const double* count;
  T* loss;
  __device__ void operator()(int64_t, int64_t, const cuda::Sums<1>& sums) const {
    *loss = static_cast<T>(sums.value[0] * cuda::inverse_weight(count));
  }
};

}  // namespace

template <Device D, class T>
void binary_cross_entropy(const PixelLabels<T>& labels, int64_t channels, const T* logits,
                          const T* pos_weight, T* loss, T* dlogits) {
  cuda::Scratch<double> count(1);
  cuda::total_weight(labels, count.data());
  cuda::sum<1>("binary_cross_entropy", {.reduced = labels.pixels},
               Loss<T>{labels, channels, logits, pos_weight, count.data(), dlogits},
               Mean<T>{count.data(), loss});
}

#define PIXELGRAD_INSTANTIATE(T)                                                                \
  template void binary_cross_entropy<Device::cuda, T>(const PixelLabels<T>&, int64_t, const T*, \
                                                      const T*, T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels

#include "tensor/kernels/region_loss.h"

#include "tensor/cuda/launch.h"

namespace pixelgrad::kernels {
namespace {

template <class T>
__global__ void tversky_kernel(TverskyRule rule, int64_t classes, const T* class_weights,
                               const double* counts, T* loss, double* derivatives) {
  *loss = static_cast<T>(tversky_of_counts(rule, classes, class_weights, counts, derivatives));
}

}  // namespace

template <Device D, class T>
void tversky_loss(const TverskyRule& rule, int64_t classes, const T* class_weights,
                  const double* counts, T* loss, double* derivatives) {
  cuda::launch("tversky_loss", {dim3(1), dim3(1)}, tversky_kernel<T>, rule, classes, class_weights,
               counts, loss, derivatives);
}

#define PIXELGRAD_INSTANTIATE(T)                                                     \
  template void tversky_loss<Device::cuda, T>(const TverskyRule&, int64_t, const T*, \
                                              const double*, T*, double*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels

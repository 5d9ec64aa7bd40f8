#include "tensor/kernels/copy.h"

#include "tensor/bf16.h"
#include "tensor/cuda/launch.h"

namespace pixelgrad::kernels {
namespace {

/// Thread i takes the i-th element in the order of the dimensions, of which the last is the one
/// with the shortest steps in `to`: neighbouring threads write neighbouring values.
template <class T>
__global__ void copy_kernel(int64_t n, StridedCopy c, const T* from, T* to) {
  int64_t i = cuda::thread_number();
  if (i >= n) return;
  int64_t source = 0, target = 0;
  for (int k = c.dims - 1; k >= 0; --k) {
    const int64_t index = i % c.dim[k].size;
    i /= c.dim[k].size;
    source += index * c.dim[k].from;
    target += index * c.dim[k].to;
  }
  to[target] = from[source];
}

}  // namespace

template <Device D, class T>
void copy_strided(const StridedCopy& c, const T* from, T* to) {
  int64_t n = 1;
  for (int k = 0; k < c.dims; ++k) n *= c.dim[k].size;
  if (n > 0)
    cuda::launch("copy_strided", cuda::one_thread_each(n), copy_kernel<T>, n, c.simplified(), from,
                 to);
}

template void copy_strided<Device::cuda, float>(const StridedCopy&, const float*, float*);
template void copy_strided<Device::cuda, double>(const StridedCopy&, const double*, double*);
template void copy_strided<Device::cuda, bf16>(const StridedCopy&, const bf16*, bf16*);

}  // namespace pixelgrad::kernels

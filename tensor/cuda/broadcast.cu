#include "tensor/kernels/broadcast.h"

#include "tensor/cuda/launch.h"
#include "tensor/cuda/operand.h"

namespace pixelgrad::kernels {
namespace {

template <class T>
__global__ void expand_kernel(int64_t n, Operand<T> x, T factor, T* y) {
  const int64_t i = cuda::thread_number();
  if (i < n) y[i] = factor * cuda::value_at(x, i);
}

}  // namespace

template <Device D, class T>
void expand(const Operand<T>& x, double factor, T* y) {
  const int64_t n = x.axes.all();
  if (n > 0)
    cuda::launch("expand", cuda::one_thread_each(n), expand_kernel<T>, n, x, static_cast<T>(factor),
                 y);
}

template void expand<Device::cuda, float>(const Operand<float>&, double, float*);
template void expand<Device::cuda, double>(const Operand<double>&, double, double*);

}  // namespace pixelgrad::kernels

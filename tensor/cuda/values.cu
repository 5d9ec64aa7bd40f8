#include "tensor/kernels/values.h"

#include "tensor/cuda/launch.h"

namespace pixelgrad::kernels {
namespace {

template <class T>
__global__ void fill_kernel(int64_t n, T value, T* x) {
  const int64_t i = cuda::thread_number();
  if (i < n) x[i] = value;
}

template <class From, class To>
__global__ void convert_kernel(int64_t n, const From* from, To* to) {
  const int64_t i = cuda::thread_number();
  if (i < n) to[i] = static_cast<To>(from[i]);
}

}  // namespace

template <Device D, class T>
void fill(int64_t n, T value, T* x) {
  if (n > 0) cuda::launch("fill", cuda::one_thread_each(n), fill_kernel<T>, n, value, x);
}

template <Device D, class From, class To>
void convert(int64_t n, const From* from, To* to) {
  if (n > 0)
    cuda::launch("convert", cuda::one_thread_each(n), convert_kernel<From, To>, n, from, to);
}

#define PIXELGRAD_CONVERT(From, To) template void convert<Device::cuda>(int64_t, const From*, To*);
#define PIXELGRAD_INSTANTIATE(T)                    \
  template void fill<Device::cuda>(int64_t, T, T*); \
  PIXELGRAD_CONVERT(T, float)                       \
  PIXELGRAD_CONVERT(T, double)                      \
  PIXELGRAD_CONVERT(T, uint8_t)                     \
  PIXELGRAD_CONVERT(T, int32_t)                     \
  PIXELGRAD_CONVERT(T, int64_t)                     \
  PIXELGRAD_CONVERT(T, bf16)
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(uint8_t)
PIXELGRAD_INSTANTIATE(int32_t)
PIXELGRAD_INSTANTIATE(int64_t)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE
#undef PIXELGRAD_CONVERT

}  // namespace pixelgrad::kernels

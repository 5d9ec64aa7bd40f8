#include "tensor/kernels/distance_loss.h"

#include "tensor/cuda/launch.h"
#include "tensor/cuda/sums.h"

namespace pixelgrad::kernels {
namespace {

template <class T>
struct SquaredDistance {
  const T *x, *target;
  __device__ void operator()(int64_t, int64_t row, int64_t, cuda::Sums<1>& sums) const {
    const double d = static_cast<double>(x[row]) - static_cast<double>(target[row]);
    sums.value[0] += d * d;
  }
};

template <class T>
struct Distance {
  const T *x, *target;
  __device__ void operator()(int64_t, int64_t row, int64_t, cuda::Sums<1>& sums) const {
    const double d = static_cast<double>(x[row]) - static_cast<double>(target[row]);
    sums.value[0] += d < 0 ? -d : d;
  }
};

template <class T>
struct Mean {
  double n;
  T* y;
  __device__ void operator()(int64_t, int64_t, const cuda::Sums<1>& sums) const {
    *y = static_cast<T>(sums.value[0] / n);
  }
};

/// dx = factor *dloss (x - target)
template <class T>
__global__ void difference_kernel(int64_t n, const T* x, const T* target, double factor,
                                  const T* dloss, T* dx) {
  const int64_t i = cuda::thread_number();
  if (i < n) dx[i] = static_cast<T>(factor * static_cast<double>(*dloss)) * (x[i] - target[i]);
}

/// dx = factor *dloss sign(x - target)
template <class T>
__global__ void sign_kernel(int64_t n, const T* x, const T* target, double factor, const T* dloss,
                            T* dx) {
  const int64_t i = cuda::thread_number();
  if (i >= n) return;
  const T scale = static_cast<T>(factor * static_cast<double>(*dloss)), d = x[i] - target[i];
  dx[i] = d > 0 ? scale : d < 0 ? -scale : d;  // 0 or NaN
}

}  // namespace

template <Device D, class T>
void mse_forward(int64_t n, const T* x, const T* target, T* loss) {
  cuda::sum<1>("mse", {.reduced = n}, SquaredDistance<T>{x, target},
               Mean<T>{static_cast<double>(n), loss});
}

template <Device D, class T>
void mse_backward(int64_t n, const T* x, const T* target, const T* dloss, T* dx) {
  if (n > 0)
    cuda::launch("mse", cuda::one_thread_each(n), difference_kernel<T>, n, x, target,
                 2 / static_cast<double>(n), dloss, dx);
}

template <Device D, class T>
void l1_forward(int64_t n, const T* x, const T* target, T* loss) {
  cuda::sum<1>("l1", {.reduced = n}, Distance<T>{x, target}, Mean<T>{static_cast<double>(n), loss});
}

template <Device D, class T>
void l1_backward(int64_t n, const T* x, const T* target, const T* dloss, T* dx) {
  if (n > 0)
    cuda::launch("l1", cuda::one_thread_each(n), sign_kernel<T>, n, x, target,
                 1 / static_cast<double>(n), dloss, dx);
}

#define PIXELGRAD_INSTANTIATE(T)                                                          \
  template void mse_forward<Device::cuda, T>(int64_t, const T*, const T*, T*);            \
  template void mse_backward<Device::cuda, T>(int64_t, const T*, const T*, const T*, T*); \
  template void l1_forward<Device::cuda, T>(int64_t, const T*, const T*, T*);             \
  template void l1_backward<Device::cuda, T>(int64_t, const T*, const T*, const T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels

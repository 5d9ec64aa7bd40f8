#include "tensor/kernels/elementwise.h"

#include "tensor/cuda/host_value.h"
#include "tensor/cuda/launch.h"
#include "tensor/cuda/sums.h"
#include "tensor/dtype.h"

namespace pixelgrad::kernels {
namespace {

template <class T>
__global__ void add_kernel(int64_t n, const T* a, const T* b, T* y) {
  const int64_t i = cuda::thread_number();
  if (i < n) y[i] = static_cast<T>(a[i] + b[i]);
}

template <class T>
__global__ void scale_kernel(int64_t n, const T* a, T scale, T* y) {
  const int64_t i = cuda::thread_number();
  if (i < n) y[i] = a[i] * scale;
}

template <class T>
__global__ void scale_by_kernel(int64_t n, const T* a, const T* factor, T* y) {
  const int64_t i = cuda::thread_number();
  if (i < n) y[i] = *factor * a[i];
}

template <class T>
__global__ void broadcast_kernel(int64_t n, const T* value, T scale, T* y) {
  const int64_t i = cuda::thread_number();
  if (i < n) y[i] = scale * *value;
}

template <class T>
struct Value {
  const T* x;
  __device__ void operator()(int64_t, int64_t row, int64_t, cuda::Sums<1>& sums) const {
    sums.value[0] += static_cast<double>(x[row]);
  }
};

/// Counts values that are no finite numbers: x - x is NaN for them.
template <class T>
struct NotFinite {
  const T* x;
  __device__ void operator()(int64_t, int64_t row, int64_t, cuda::Sums<1>& sums) const {
    const compute_t<T> difference = x[row] - x[row];
    sums.value[0] += difference == 0 ? 0 : 1;
  }
};

struct Store {
  double* to;
  __device__ void operator()(int64_t, int64_t, const cuda::Sums<1>& sums) const {
    *to = sums.value[0];
  }
};

/// The sum of the n terms, brought to the host.
template <class Term>
double host_sum(const char* op, int64_t n, const Term& term) {
  cuda::Scratch<double> result(1);
  cuda::sum<1>(op, {.reduced = n}, term, Store{result.data()});
  return cuda::host_value(op, result.data());
}

}  // namespace

template <Device D, class T>
void add(int64_t n, const T* a, const T* b, T* y) {
  if (n > 0) cuda::launch("add", cuda::one_thread_each(n), add_kernel<T>, n, a, b, y);
}

template <Device D, class T>
void scale(int64_t n, const T* a, double scale, T* y) {
  if (n > 0)
    cuda::launch("scale", cuda::one_thread_each(n), scale_kernel<T>, n, a, static_cast<T>(scale),
                 y);
}

template <Device D, class T>
void scale_by(int64_t n, const T* a, const T* factor, T* y) {
  if (n > 0)
    cuda::launch("scale_by", cuda::one_thread_each(n), scale_by_kernel<T>, n, a, factor, y);
}

template <Device D, class T>
void broadcast(int64_t n, const T* value, double scale, T* y) {
  if (n > 0)
    cuda::launch("broadcast", cuda::one_thread_each(n), broadcast_kernel<T>, n, value,
                 static_cast<T>(scale), y);
}

template <Device D, class T>
double sum(int64_t n, const T* x) {
  return host_sum("sum", n, Value<T>{x});
}

template <Device D, class T>
bool all_finite(int64_t n, const T* x) {
  return host_sum("all_finite", n, NotFinite<T>{x}) == 0;
}

#define PIXELGRAD_INSTANTIATE(T)                                       \
  template void add<Device::cuda, T>(int64_t, const T*, const T*, T*); \
  template bool all_finite<Device::cuda, T>(int64_t, const T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE
#define PIXELGRAD_INSTANTIATE(T)                                            \
  template void scale<Device::cuda, T>(int64_t, const T*, double, T*);      \
  template void scale_by<Device::cuda, T>(int64_t, const T*, const T*, T*); \
  template void broadcast<Device::cuda, T>(int64_t, const T*, double, T*);  \
  template double sum<Device::cuda, T>(int64_t, const T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels

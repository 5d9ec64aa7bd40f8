#include "tensor/kernels/dropout.h"

#include "tensor/cuda/launch.h"
#include "tensor/dtype.h"

namespace pixelgrad::kernels {
namespace {

/// What a thread reads and writes at once: the elements that share a Philox block.
template <class T>
struct alignas(sizeof(T) < 4 ? 8 : 16) Four {
  T value[4];
};

/// Thread i takes elements 4i to 4i + 3. `aligned`: so are x and y, as Four.
template <class T>
__global__ void dropout_kernel(int64_t n, bool aligned, const T* x, uint64_t threshold,
                               compute_t<T> scale, RandomKey key, T* y) {
  const int64_t block = cuda::thread_number(), first = 4 * block;
  if (first >= n) return;
  const auto bits = philox(key, static_cast<uint64_t>(block));
  const int here = first + 4 <= n ? 4 : static_cast<int>(n - first);
  const bool together = aligned && here == 4;
  Four<T> four;
  if (together) {
    four = *reinterpret_cast<const Four<T>*>(x + first);
  } else {
    for (int i = 0; i < here; ++i) four.value[i] = x[first + i];
  }
  for (int i = 0; i < 4; ++i)
    four.value[i] = static_cast<T>(bits[static_cast<size_t>(i)] >= threshold ? four.value[i] * scale
                                                                             : compute_t<T>{0});
  if (together) {
    *reinterpret_cast<Four<T>*>(y + first) = four;
  } else {
    for (int i = 0; i < here; ++i) y[first + i] = four.value[i];
  }
}

template <class T>
bool is_aligned(const T* x) {
  return reinterpret_cast<uintptr_t>(x) % alignof(Four<T>) == 0;
}

}  // namespace

template <Device D, class T>
void dropout(int64_t n, const T* x, double p, const RandomKey& key, T* y) {
  if (n > 0)
    cuda::launch("dropout", cuda::one_thread_each((n + 3) / 4), dropout_kernel<T>, n,
                 is_aligned(x) && is_aligned(y), x, dropout_threshold(p),
                 static_cast<compute_t<T>>(1 / (1 - p)), key, y);
}

template void dropout<Device::cuda, float>(int64_t, const float*, double, const RandomKey&, float*);
template void dropout<Device::cuda, double>(int64_t, const double*, double, const RandomKey&,
                                            double*);
template void dropout<Device::cuda, bf16>(int64_t, const bf16*, double, const RandomKey&, bf16*);

}  // namespace pixelgrad::kernels

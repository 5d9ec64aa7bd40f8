#pragma once
#include "tensor/kernels/broadcast.h"

namespace pixelgrad::cuda {

/// Value i of the large array that an operand stands for.
template <class T>
__device__ inline T value_at(const kernels::Operand<T>& x, int64_t i) {
  if (x.is_whole()) return x.data[x.axes.count == 0 ? 0 : i];
  int64_t at = 0, stride = 1;
  for (int k = x.axes.count - 1; k >= 0; --k) {
    const int64_t index = i % x.axes.size[k];
    i /= x.axes.size[k];
    if (x.axes.repeated[k]) continue;
    at += index * stride;
    stride *= x.axes.size[k];
  }
  return x.data[at];
}

}  // namespace pixelgrad::cuda

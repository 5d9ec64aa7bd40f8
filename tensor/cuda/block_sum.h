#pragma once
#include "tensor/cuda/launch.h"

namespace pixelgrad::cuda {

/// The sum of what the threads of a block, block_threads of them, give; in an order that is always
/// the same. Thread 0 gets it.
__device__ inline double block_sum(double mine) {
  __shared__ double shared[block_threads];
  const int thread = static_cast<int>(threadIdx.x);
  shared[thread] = mine;
  __syncthreads();
  for (int half = block_threads / 2; half > 0; half /= 2) {
    if (thread < half) shared[thread] += shared[thread + half];
    __syncthreads();
  }
  return shared[0];
}

}  // namespace pixelgrad::cuda

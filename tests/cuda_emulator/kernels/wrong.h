#pragma once
// Kernels that hang a GPU, or that CUDA calls undefined.
#include "tests/cuda_emulator/kernels/dynamic_shared.h"

namespace {

/// The upper threads return in front of the barrier.
__global__ void some_return(int first) {
  if (static_cast<int>(threadIdx.x) >= first) return;
  __syncthreads();
}

/// Threads of one block wait at barriers of different kinds.
__global__ void two_barriers() {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    __syncthreads_or(1);
}

/// Lane 5 does not come to the shuffle whose mask names it.
__global__ void lane_missing(int* out) {
  if (threadIdx.x != 5)
    out[threadIdx.x] = __shfl_xor_sync(0xFFFFFFFFu, static_cast<int>(threadIdx.x), 1);
}

/// The lanes give different masks.
__global__ void masks_differ() { __syncwarp(threadIdx.x < 16 ? 0xFFFFFFFFu : 0xFFFF0000u); }

__global__ void not_in_its_mask() { __syncwarp(0xFFFFFFFEu); }

__global__ void shuffles_by(int width) { __shfl_sync(0xFFFFFFFFu, 1, 0, width); }

__global__ void traps() {
  if (blockIdx.x == 2 && threadIdx.x == 3) __trap();
  __syncthreads();
}

/// Writes `index` ints behind the start of the shared memory.
__global__ void write_dynamic(int index) {
  DYNAMIC_SHARED(int, values);
  values[index] = 1;
}
__global__ void write_static(int index) {
  __shared__ int values[8];
  int* const first = values;
  first[index] = 1;
}

/// Writes to a local array behind a barrier, when other stacks have been in use.
__global__ void write_local(int index, int* out) {
  int values[4] = {};
  __syncthreads();
  int* const first = values;
  first[index] = 1;
  __syncthreads();
  out[threadIdx.x] = values[0];
}

__global__ void write_global(int* values, long long index) { values[index] = 1; }

}  // namespace

#pragma once
#include <cuda_runtime.h>

namespace {

/// The four shuffles of one warp, 32 results each: of lane (7 lane + 3), up by 3, down by 5, and
/// across by exclusive or with 9.
template <class T>
__global__ void shuffles(const T* values, T* out, int width) {
  const int lane = static_cast<int>(threadIdx.x);
  const T value = values[lane];
  out[lane] = __shfl_sync(0xFFFFFFFFu, value, 7 * lane + 3, width);
  out[32 + lane] = __shfl_up_sync(0xFFFFFFFFu, value, 3, width);
  out[64 + lane] = __shfl_down_sync(0xFFFFFFFFu, value, 5, width);
  out[96 + lane] = __shfl_xor_sync(0xFFFFFFFFu, value, 9, width);
}

/// The halves of a warp go different ways: sums of 16 lanes, of which the upper half takes three.
__global__ void sums_of_halves(const int* values, int* out) {
  const unsigned lane = threadIdx.x % 32;
  const unsigned mask = lane < 16 ? 0x0000FFFFu : 0xFFFF0000u;
  int sum = 0;
  for (int times = lane < 16 ? 1 : 3; times > 0; --times) {
    int part = values[threadIdx.x];
    for (int step = 8; step > 0; step /= 2) part += __shfl_xor_sync(mask, part, step);
    sum += part;
  }
  out[threadIdx.x] = sum;
}

/// Votes on whether a value is positive, of all lanes and of lanes 4 to 7.
__global__ void votes(const int* values, unsigned* out) {
  const int positive = values[threadIdx.x] > 0;
  out[threadIdx.x * 4] = __ballot_sync(0xFFFFFFFFu, positive);
  out[threadIdx.x * 4 + 1] = __any_sync(0xFFFFFFFFu, positive) != 0;
  out[threadIdx.x * 4 + 2] = __all_sync(0xFFFFFFFFu, positive) != 0;
  if (threadIdx.x >= 4 && threadIdx.x < 8)
    out[threadIdx.x * 4 + 3] = __all_sync(0xF0u, positive) != 0;
}

/// Reverses 32 values through shared memory.
__global__ void reverse_warp(int* values) {
  __shared__ int shared[32];
  shared[threadIdx.x] = values[threadIdx.x];
  __syncwarp();
  values[threadIdx.x] = shared[31 - threadIdx.x];
}

/// Lane 0 reads lane 4, which is not in the mask.
__global__ void reads_out_of_its_mask(unsigned* out) {
  if (threadIdx.x < 4) out[threadIdx.x] = __shfl_sync(0xFu, 7u, threadIdx.x == 0 ? 4 : 1);
}

__global__ void shuffles_over(unsigned distance, unsigned* out) {
  out[threadIdx.x] = __shfl_down_sync(0xFFFFFFFFu, threadIdx.x, distance);
}

}  // namespace

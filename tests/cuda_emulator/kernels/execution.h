#pragma once
// Kernels whose results are known by hand.
#include "tests/cuda_emulator/kernels/dynamic_shared.h"

namespace {

/// Where a thread is, and how large all is.
struct Place {
  uint3 thread, block, block_dim, grid_dim;
};

/// One Place a thread.
__global__ void write_places(Place* places) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  places[block * blockDim.x * blockDim.y * blockDim.z + thread] = {
      threadIdx, blockIdx, {blockDim.x, blockDim.y, blockDim.z}, {gridDim.x, gridDim.y, gridDim.z}};
}

__global__ void add_one(int* values, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) ++values[i];
}

/// The sum of a block's values, by shuffles within warps and shared memory between them.
__global__ void block_sums(const int* values, int* sums) {
  __shared__ int of_warps[32];
  int sum = values[blockIdx.x * blockDim.x + threadIdx.x];
  for (int step = 16; step > 0; step /= 2) sum += __shfl_down_sync(0xFFFFFFFFu, sum, step);
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x < 32) {
    sum = threadIdx.x < blockDim.x / 32 ? of_warps[threadIdx.x] : 0;
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xFFFFFFFFu, sum, step);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
  }
  __syncthreads();  // of_warps may be written again
}

/// out[w][h] = in[h][w] by tiles of 32 x 32 in shared memory, a block of 32 x 8 threads each.
__global__ void transpose(const float* in, float* out, int height, int width) {
  __shared__ float tile[32][33];
  for (int row = static_cast<int>(threadIdx.y); row < 32; row += 8) {
    const int y = static_cast<int>(blockIdx.y) * 32 + row;
    const int x = static_cast<int>(blockIdx.x * 32 + threadIdx.x);
    if (y < height && x < width) tile[row][threadIdx.x] = in[y * width + x];
  }
  __syncthreads();
  for (int row = static_cast<int>(threadIdx.y); row < 32; row += 8) {
    const int y = static_cast<int>(blockIdx.x) * 32 + row;
    const int x = static_cast<int>(blockIdx.y * 32 + threadIdx.x);
    if (y < width && x < height) out[y * height + x] = tile[threadIdx.x][row];
  }
}

/// Inclusive prefix sums of a block's values, by doubling steps between barriers.
__global__ void prefix_sums(int* values) {
  DYNAMIC_SHARED(int, sums);
  const unsigned i = threadIdx.x;
  sums[i] = values[i];
  __syncthreads();
  for (unsigned step = 1; step < blockDim.x; step *= 2) {
    const int before = i >= step ? sums[i - step] : 0;
    __syncthreads();
    sums[i] += before;
    __syncthreads();
  }
  values[i] = sums[i];
}

/// Each thread reads what its right neighbour wrote. Without the barrier that is a race.
template <bool WithBarrier>
__global__ void shift_left(const int* in, int* out) {
  DYNAMIC_SHARED(int, values);
  values[threadIdx.x] = in[threadIdx.x];
  if (WithBarrier) __syncthreads();
  out[threadIdx.x] = values[(threadIdx.x + 1) % blockDim.x];
}

/// What dynamic shared memory holds when a block starts; then this block's number.
__global__ void read_then_dirty(unsigned* found) {
  DYNAMIC_SHARED(unsigned, values);
  found[blockIdx.x * blockDim.x + threadIdx.x] = values[threadIdx.x];
  values[threadIdx.x] = blockIdx.x;
}

__global__ void dynamic_address(long long* out) {
  DYNAMIC_SHARED(float, values);
  if (threadIdx.x == 0) out[blockIdx.x] = reinterpret_cast<long long>(values);
}

/// The number of threads that are given an odd number, and whether any and all are.
__global__ void vote(const int* values, int* counts) {
  const int odd = values[threadIdx.x] % 2;
  const int count = __syncthreads_count(odd), any = __syncthreads_or(odd),
            all = __syncthreads_and(odd);
  if (threadIdx.x == blockDim.x - 1) {
    counts[0] = count;
    counts[1] = any != 0;
    counts[2] = all != 0;
  }
}

/// Writes the number of the thread behind all that ran before it: the order of the threads.
__global__ void note_order(int* next, int* order) {
  order[(*next)++] = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}

}  // namespace

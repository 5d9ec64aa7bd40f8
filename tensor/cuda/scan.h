#pragma once
#include <cstdint>

#include "tensor/cuda/launch.h"

// Running sums of counts.
namespace pixelgrad::cuda {

/// The sum of what this and the lower lanes of the warp give. All lanes must call it.
__device__ inline uint32_t warp_running_sum(uint32_t mine) {
  const unsigned lane = threadIdx.x % 32;
  for (unsigned step = 1; step < 32; step *= 2) {
    const uint32_t lower = __shfl_up_sync(0xFFFFFFFFu, mine, step);
    if (lane >= step) mine += lower;
  }
  return mine;
}

/// What a thread gets of a sum over its block.
struct BlockScan {
  uint32_t before, total;  ///< what the lower threads gave, and what all did
};

/// All threads of a block, block_threads of them, must call it.
__device__ inline BlockScan block_scan(uint32_t mine) {
  constexpr int warps = block_threads / 32;
  __shared__ uint32_t of_warp[warps];
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const uint32_t up_to = warp_running_sum(mine);
  if (threadIdx.x % 32 == 31) of_warp[warp] = up_to;
  __syncthreads();
  BlockScan scan{up_to - mine, 0};
  for (int w = 0; w < warps; ++w) {
    if (w < warp) scan.before += of_warp[w];
    scan.total += of_warp[w];
  }
  __syncthreads();  // before the next call writes
  return scan;
}

/// A warp takes a row of counts [rows, n]: each becomes the sum of those before it, and
/// totals[row], where it is wanted, that of all. A template only so that several files may include
/// it.
template <class Count>
__global__ void scan_rows_kernel(int64_t rows, int64_t n, Count* counts, Count* totals) {
  const int64_t row = thread_number() / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (row >= rows) return;
  Count* const mine = counts + row * n;
  Count before = 0;
  for (int64_t first = 0; first < n; first += 32) {
    const int64_t at = first + lane;
    const Count count = at < n ? mine[at] : 0;
    const Count up_to = warp_running_sum(count);
    if (at < n) mine[at] = before + up_to - count;
    before += __shfl_sync(0xFFFFFFFFu, up_to, 31);
  }
  if (totals && lane == 0) totals[row] = before;
}

/// Of counts [rows, n], at least one of each. totals [rows] may be null.
inline void scan_rows(const char* op, int64_t rows, int64_t n, uint32_t* counts, uint32_t* totals) {
  launch(op, one_thread_each(rows * 32), scan_rows_kernel<uint32_t>, rows, n, counts, totals);
}

}  // namespace pixelgrad::cuda

#pragma once
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "tensor/check.h"
#include "tensor/cuda/runtime.h"

// How kernels are started, and how their threads share the work.
namespace pixelgrad::cuda {

/// Blocks of a launch, threads of a block, and the bytes of shared memory that a block asks for
/// beyond what the kernel declares.
struct LaunchShape {
  dim3 blocks, threads;
  size_t shared = 0;
};

/// Threads of a block where nothing speaks for another number.
inline constexpr int block_threads = 256;

/// One thread for each of n elements, in blocks of block_threads. n must be at least 1.
inline LaunchShape one_thread_each(int64_t n) {
  const int64_t blocks = (n + block_threads - 1) / block_threads;
  check(blocks <= INT32_MAX, "[cuda] ", n, " elements are too many for one launch");
  return {.blocks = dim3(static_cast<unsigned>(blocks)), .threads = dim3(block_threads)};
}

/// This thread's number in a launch of one dimension: `one_thread_each` element.
__device__ inline int64_t thread_number() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

/// Starts `kernel` on the stream. Errors name `op`: at once where the launch is not possible, and
/// at the next wait where the kernel failed, or, with PIXELGRAD_CUDA_WAIT=1 in the environment,
/// always at once.
template <class... Parameters, class... Arguments>
void launch(const char* op, const LaunchShape& shape, void (*kernel)(Parameters...),
            Arguments&&... arguments) {
#ifdef PIXELGRAD_CUDA_EMULATED
  emulator::name_next_launch(op);
#endif
  cudaLaunchConfig_t config = {};
  config.gridDim = shape.blocks;
  config.blockDim = shape.threads;
  config.dynamicSmemBytes = shape.shared;
  config.stream = stream();
  check_status(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...), op);
  static const bool wait = std::getenv("PIXELGRAD_CUDA_WAIT") != nullptr;
  if (wait) synchronize(op);
}

}  // namespace pixelgrad::cuda

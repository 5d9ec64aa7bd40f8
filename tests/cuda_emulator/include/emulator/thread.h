#pragma once
// What a kernel knows of its place in the grid, block barriers, and dynamic shared memory.
#include <emulator/qualifiers.h>
#include <emulator/vector_types.h>

#include <cstddef>

namespace emulator {

namespace detail {

// Set before a thread goes on.
extern uint3 thread_index, block_index;
extern dim3 block_extent, grid_extent;

enum class Barrier { plain, any, all, count };
/// Waits for all threads of the block; the number of them whose predicate is not 0.
int block_barrier(Barrier kind, int predicate);

/// Throws a KernelError that begins with the kernel's name, the block and the thread.
[[noreturn]] void fail(const char* what);

}  // namespace detail

/// The dynamic shared memory of the running block: exactly as many bytes as the launch asked for,
/// 128-byte aligned, each 0xFF (NaN as float or double) when a block starts. Stands for
/// `extern __shared__`.
void* dynamic_shared();

}  // namespace emulator

inline const uint3& threadIdx = emulator::detail::thread_index;
inline const uint3& blockIdx = emulator::detail::block_index;
inline const dim3& blockDim = emulator::detail::block_extent;
inline const dim3& gridDim = emulator::detail::grid_extent;
inline constexpr int warpSize = 32;

inline void __syncthreads() {
  emulator::detail::block_barrier(emulator::detail::Barrier::plain, 0);
}
inline int __syncthreads_count(int predicate) {
  return emulator::detail::block_barrier(emulator::detail::Barrier::count, predicate);
}
/// Not 0 where the predicate is so for any thread.
inline int __syncthreads_or(int predicate) {
  return emulator::detail::block_barrier(emulator::detail::Barrier::any, predicate) != 0;
}
/// Not 0 where the predicate is so for all threads.
inline int __syncthreads_and(int predicate) {
  const int threads = static_cast<int>(blockDim.x * blockDim.y * blockDim.z);
  return emulator::detail::block_barrier(emulator::detail::Barrier::all, predicate) == threads;
}

// One thread runs at a time, and all see its writes at once.
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}

[[noreturn]] inline void __trap() { emulator::detail::fail("executed __trap()"); }

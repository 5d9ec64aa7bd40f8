#pragma once
// What a test of CUDA code asks of the emulator.
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace emulator {

/// A kernel did what hangs a GPU, or what CUDA leaves undefined. The message names the kernel (see
/// name_next_launch), the block and the threads.
class KernelError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The order in which the blocks of a grid run, and the threads of a block between two barriers.
enum class Order { ascending, descending, shuffled };
/// Chooses the order of all launches from here on; the seed is that of the shuffles. A right kernel
/// gives the same results in any. At first it is what the environment variable
/// PIXELGRAD_EMULATOR_ORDER names: ascending (also without it), descending or shuffled.
void set_order(Order order, uint64_t seed = 0);

/// Limits the bytes that cudaMalloc gives out; beyond them it returns cudaErrorMemoryAllocation.
void set_memory_limit(size_t bytes);

/// Names the next kernel that this host thread launches, for messages.
void name_next_launch(const char* name);

}  // namespace emulator

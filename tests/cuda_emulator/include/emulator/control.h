#pragma once
// What a test of CUDA code asks of the emulator.
#include <driver_types.h>

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

/// Makes a stream do its work as late as CUDA allows: when somebody waits for it, the host or an
/// event that another stream waits for. At first streams are not late: each piece of work is done
/// as soon as it is asked for. A right program gives the same results whichever streams are late,
/// and one that forgot a wait does not.
void set_late(cudaStream_t stream, bool late);

/// How often the host has waited for the last that a stream was asked for, so that the device ran
/// dry: in cudaStreamSynchronize and cudaDeviceSynchronize; in cudaEventSynchronize, where nothing
/// was asked for behind the event; in copies to memory that is not page-locked, and of more than
/// 64 KiB from it; in cudaFree and cudaFreeHost.
int64_t host_waits();

/// What was done with graphs so far, and the executable ones that there are.
struct GraphCounts {
  int64_t instantiations = 0, updates = 0, refused_updates = 0, launches = 0, executables = 0;
};
GraphCounts graph_counts();

/// How many host threads have launched kernels so far.
size_t launching_threads();

/// Limits the bytes that cudaMalloc gives out; beyond them it returns cudaErrorMemoryAllocation.
void set_memory_limit(size_t bytes);

/// Names the next kernel that this host thread launches, for messages.
void name_next_launch(const char* name);

}  // namespace emulator

#include <emulator/launch.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "tests/cuda_emulator/block.h"
#include "tests/cuda_emulator/device.h"
#include "tests/cuda_emulator/device_memory.h"
#include "tests/cuda_emulator/stream.h"

namespace emulator {
namespace {

thread_local std::string next_name = "kernel";

/// How much dynamic shared memory kernels were allowed, where that is not what all have.
std::map<const void*, size_t>& allowances() {
  static auto& map = *new std::map<const void*, size_t>;
  return map;
}

size_t allowance(const void* kernel) {
  const auto found = allowances().find(kernel);
  return found == allowances().end() ? shared_per_block : found->second;
}

void* shared = nullptr;  // the running block's

auto& launchers = *new std::set<std::thread::id>;  // host threads

/// Runs the blocks of a grid one after another.
void run_grid(const Launch& launch) {
  Block& block = Block::instance();
  if (block.running())
    throw KernelError("[" + launch.name + "] is launched by a kernel, which is not emulated");
  const DeviceMemory::Opened opened;
  const std::unique_ptr<void, decltype(&std::free)> memory = [&] {
    void* pointer = nullptr;
    if (posix_memalign(&pointer, 128, launch.dynamic_bytes) != 0) throw std::bad_alloc();
    return std::unique_ptr<void, decltype(&std::free)>(pointer, std::free);
  }();
  shared = memory.get();
  Sequence& order = Sequence::instance();
  const uint64_t x = launch.grid.x, y = launch.grid.y, z = launch.grid.z;
  order.for_each(x * y * z, [&](uint64_t i) {
    if (launch.dynamic_bytes > 0) std::memset(shared, 0xFF, launch.dynamic_bytes);
    const uint3 index{static_cast<unsigned>(i % x), static_cast<unsigned>(i / x % y),
                      static_cast<unsigned>(i / x / y)};
    block.run(launch, index, order);
  });
  shared = nullptr;
}

cudaError_t check(const cudaLaunchConfig_t& config, const void* kernel) {
  if (kernel == nullptr) return cudaErrorInvalidDeviceFunction;
  const dim3 grid = config.gridDim, block = config.blockDim;
  const auto within = [](unsigned extent, int most) {
    return extent >= 1 && extent <= static_cast<unsigned>(most);
  };
  if (!within(grid.x, max_grid_x) || !within(grid.y, max_grid_yz) || !within(grid.z, max_grid_yz) ||
      !within(block.x, max_threads_per_block) || !within(block.y, max_threads_per_block) ||
      !within(block.z, max_block_z) || block.x * block.y * block.z > max_threads_per_block)
    return cudaErrorInvalidConfiguration;
  if (config.dynamicSmemBytes > allowance(kernel)) return cudaErrorInvalidValue;
  for (unsigned i = 0; i < config.numAttrs; ++i)
    if (config.attrs[i].id == cudaLaunchAttributeCooperative ||
        config.attrs[i].id == cudaLaunchAttributeClusterDimension)
      return cudaErrorNotSupported;
  return cudaSuccess;
}

}  // namespace

void name_next_launch(const char* name) { next_name = name; }

size_t launching_threads() {
  const std::lock_guard lock(device_mutex());
  return launchers.size();
}

void* dynamic_shared() {
  if (!Block::instance().running()) throw KernelError("dynamic_shared() outside of a kernel");
  return shared;
}

namespace detail {

cudaError_t launch(const cudaLaunchConfig_t& config, const void* kernel,
                   std::function<void()> thread) {
  const std::string name = std::exchange(next_name, "kernel");
  return call([&] {
    if (const cudaError_t error = check(config, kernel)) return error;
    launchers.insert(std::this_thread::get_id());
    return enqueue(config.stream, WorkKind::kernel,
                   [launch = Launch{name, std::move(thread), config.gridDim, config.blockDim,
                                    config.dynamicSmemBytes}] { run_grid(launch); });
  });
}

}  // namespace detail
}  // namespace emulator

using emulator::call;

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  return call([&] {
    if (function == nullptr) return cudaErrorInvalidDeviceFunction;
    if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout) return cudaSuccess;
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 ||
        static_cast<size_t>(value) > emulator::shared_per_block_optin)
      return cudaErrorInvalidValue;
    emulator::allowances()[function] = static_cast<size_t>(value);
    return cudaSuccess;
  });
}

// Registers and static shared memory are known to no one here; these are a usual kernel's.
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  return call([&] {
    if (attributes == nullptr) return cudaErrorInvalidValue;
    if (function == nullptr) return cudaErrorInvalidDeviceFunction;
    *attributes = {};
    attributes->maxThreadsPerBlock = emulator::max_threads_per_block;
    attributes->numRegs = 32;
    attributes->ptxVersion = attributes->binaryVersion = 90;
    attributes->maxDynamicSharedSizeBytes = static_cast<int>(emulator::allowance(function));
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function,
                                                          int threads, size_t dynamic_bytes) {
  return call([&] {
    if (function == nullptr) return cudaErrorInvalidDeviceFunction;
    if (blocks == nullptr || threads < 1) return cudaErrorInvalidValue;
    if (threads > emulator::max_threads_per_block ||
        dynamic_bytes > emulator::shared_per_block_optin)
      return *blocks = 0, cudaSuccess;
    const int warps = (threads + 31) / 32;
    const auto by_shared = static_cast<int>(emulator::shared_per_multiprocessor /
                                            (dynamic_bytes + emulator::shared_reserved));
    *blocks = std::min({emulator::blocks_per_multiprocessor,
                        emulator::threads_per_multiprocessor / (warps * 32), by_shared});
    return cudaSuccess;
  });
}

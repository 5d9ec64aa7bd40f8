#pragma once
#include <cuda_runtime_api.h>

#include <mutex>

namespace emulator {

/// Held by whoever uses the device. Recursive, for work that is done inside of a call.
std::recursive_mutex& device_mutex();

/// False where the environment says that there is no device.
bool has_device();

/// Keeps an error as the calling thread's last one, and returns it.
cudaError_t report(cudaError_t error);

/// The body of a function of the runtime: holds the mutex, wants a device, keeps the error.
template <class F>
cudaError_t call(F&& body) {
  const std::lock_guard lock(device_mutex());
  return report(has_device() ? body() : cudaErrorNoDevice);
}

// What the emulated device has.
inline constexpr int max_threads_per_block = 1024, max_block_z = 64;
inline constexpr int max_grid_x = 2147483647, max_grid_yz = 65535;
inline constexpr size_t shared_per_block = 48 << 10, shared_per_block_optin = 227 << 10,
                        shared_per_multiprocessor = 228 << 10, shared_reserved = 1 << 10;
inline constexpr int multiprocessors = 132, threads_per_multiprocessor = 2048,
                     blocks_per_multiprocessor = 32, registers_per_multiprocessor = 65536;

}  // namespace emulator

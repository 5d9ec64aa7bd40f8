#include "tests/cuda_emulator/device.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "tests/cuda_emulator/device_memory.h"

namespace emulator {

std::recursive_mutex& device_mutex() {
  static auto& mutex =
      *new std::recursive_mutex;  // for ever: destructors of others may still need it
  return mutex;
}

bool has_device() {
  const char* devices = std::getenv("PIXELGRAD_EMULATOR_DEVICES");
  return devices == nullptr || std::string_view(devices) != "0";
}

}  // namespace emulator

using emulator::call;

cudaError_t cudaGetDeviceCount(int* count) {
  if (count != nullptr) *count = emulator::has_device();
  return call([&] { return count == nullptr ? cudaErrorInvalidValue : cudaSuccess; });
}

cudaError_t cudaGetDevice(int* device) {
  return call([&] {
    if (device == nullptr) return cudaErrorInvalidValue;
    *device = 0;
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return call([&] { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return call([&] {
    if (properties == nullptr) return cudaErrorInvalidValue;
    if (device != 0) return cudaErrorInvalidDevice;
    cudaDeviceProp p{};
    constexpr std::string_view name = "emulated device";
    std::copy(name.begin(), name.end(), p.name);
    p.totalGlobalMem = emulator::DeviceMemory::instance().limit();
    p.sharedMemPerBlock = emulator::shared_per_block;
    p.regsPerBlock = emulator::registers_per_multiprocessor;
    p.warpSize = 32;
    p.maxThreadsPerBlock = emulator::max_threads_per_block;
    p.maxThreadsDim[0] = p.maxThreadsDim[1] = emulator::max_threads_per_block;
    p.maxThreadsDim[2] = emulator::max_block_z;
    p.maxGridSize[0] = emulator::max_grid_x;
    p.maxGridSize[1] = p.maxGridSize[2] = emulator::max_grid_yz;
    p.totalConstMem = 64 << 10;
    p.major = 9;
    p.minor = 0;
    p.multiProcessorCount = emulator::multiprocessors;
    p.concurrentKernels = 1;
    p.asyncEngineCount = 3;
    p.unifiedAddressing = 1;
    p.memoryBusWidth = 5120;
    p.l2CacheSize = 50 << 20;
    p.maxThreadsPerMultiProcessor = emulator::threads_per_multiprocessor;
    p.sharedMemPerMultiprocessor = emulator::shared_per_multiprocessor;
    p.regsPerMultiprocessor = emulator::registers_per_multiprocessor;
    p.sharedMemPerBlockOptin = emulator::shared_per_block_optin;
    p.maxBlocksPerMultiProcessor = emulator::blocks_per_multiprocessor;
    *properties = p;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp p;
  if (const cudaError_t error = cudaGetDeviceProperties(&p, device)) return error;
  return call([&] {
    if (value == nullptr) return cudaErrorInvalidValue;
    switch (attribute) {
      case cudaDevAttrMaxThreadsPerBlock:
        return *value = p.maxThreadsPerBlock, cudaSuccess;
      case cudaDevAttrMaxBlockDimX:
        return *value = p.maxThreadsDim[0], cudaSuccess;
      case cudaDevAttrMaxBlockDimY:
        return *value = p.maxThreadsDim[1], cudaSuccess;
      case cudaDevAttrMaxBlockDimZ:
        return *value = p.maxThreadsDim[2], cudaSuccess;
      case cudaDevAttrMaxGridDimX:
        return *value = p.maxGridSize[0], cudaSuccess;
      case cudaDevAttrMaxGridDimY:
        return *value = p.maxGridSize[1], cudaSuccess;
      case cudaDevAttrMaxGridDimZ:
        return *value = p.maxGridSize[2], cudaSuccess;
      case cudaDevAttrMaxSharedMemoryPerBlock:
        return *value = static_cast<int>(p.sharedMemPerBlock), cudaSuccess;
      case cudaDevAttrTotalConstantMemory:
        return *value = static_cast<int>(p.totalConstMem), cudaSuccess;
      case cudaDevAttrWarpSize:
        return *value = p.warpSize, cudaSuccess;
      case cudaDevAttrMaxRegistersPerBlock:
        return *value = p.regsPerBlock, cudaSuccess;
      case cudaDevAttrMultiProcessorCount:
        return *value = p.multiProcessorCount, cudaSuccess;
      case cudaDevAttrIntegrated:
        return *value = p.integrated, cudaSuccess;
      case cudaDevAttrConcurrentKernels:
        return *value = p.concurrentKernels, cudaSuccess;
      case cudaDevAttrGlobalMemoryBusWidth:
        return *value = p.memoryBusWidth, cudaSuccess;
      case cudaDevAttrL2CacheSize:
        return *value = p.l2CacheSize, cudaSuccess;
      case cudaDevAttrMaxThreadsPerMultiProcessor:
        return *value = p.maxThreadsPerMultiProcessor, cudaSuccess;
      case cudaDevAttrAsyncEngineCount:
        return *value = p.asyncEngineCount, cudaSuccess;
      case cudaDevAttrUnifiedAddressing:
        return *value = p.unifiedAddressing, cudaSuccess;
      case cudaDevAttrComputeCapabilityMajor:
        return *value = p.major, cudaSuccess;
      case cudaDevAttrComputeCapabilityMinor:
        return *value = p.minor, cudaSuccess;
      case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
        return *value = static_cast<int>(p.sharedMemPerMultiprocessor), cudaSuccess;
      case cudaDevAttrMaxRegistersPerMultiprocessor:
        return *value = p.regsPerMultiprocessor, cudaSuccess;
      case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        return *value = static_cast<int>(p.sharedMemPerBlockOptin), cudaSuccess;
      case cudaDevAttrMaxBlocksPerMultiprocessor:
        return *value = p.maxBlocksPerMultiProcessor, cudaSuccess;
    }
    return cudaErrorInvalidValue;
  });
}

cudaError_t cudaDriverGetVersion(int* version) { return cudaRuntimeGetVersion(version); }

cudaError_t cudaRuntimeGetVersion(int* version) {
  if (version == nullptr) return emulator::report(cudaErrorInvalidValue);
  *version = CUDART_VERSION;
  return cudaSuccess;
}

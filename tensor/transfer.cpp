#include <cstring>

#include "tensor/check.h"
#include "tensor/transfer_internal.h"
#ifdef PIXELGRAD_CUDA
#include "tensor/cuda/graph.h"
#include "tensor/cuda/runtime.h"
#endif

namespace pixelgrad {

void transfer(const char* op, Device to_device, void* to, Device from_device, const void* from,
              size_t bytes) {
  if (bytes == 0) return;
  if (to_device == Device::cpu && from_device == Device::cpu) {
    std::memcpy(to, from, bytes);
    return;
  }
#ifdef PIXELGRAD_CUDA
  const cudaMemcpyKind kind = to_device == Device::cpu     ? cudaMemcpyDeviceToHost
                              : from_device == Device::cpu ? cudaMemcpyHostToDevice
                                                           : cudaMemcpyDeviceToDevice;
  // Memory of the host is read or written now, not when a graph runs.
  if (kind != cudaMemcpyDeviceToDevice) cuda::launch_captured();
  // From pageable memory CUDA takes a copy of its own before it returns.
  cuda::check_status(cudaMemcpyAsync(to, from, bytes, kind, cuda::stream()), op);
  if (to_device == Device::cpu) cuda::synchronize(op);
#else
  throw Error(str("[", op, "] this build has no ", Device::cuda, " backend"));
#endif
}

}  // namespace pixelgrad

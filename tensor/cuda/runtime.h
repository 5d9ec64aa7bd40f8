#pragma once
#include <cuda_runtime.h>

#include <string_view>

// What the backend needs of the CUDA runtime. All kernels and copies run on one stream, in the
// order in which they were asked for; only what hands a value to the host waits for them. A second
// stream brings batches to the device meanwhile (upload_slot.h).
namespace pixelgrad::cuda {

/// The stream of this process, on the current device (CUDA_VISIBLE_DEVICES chooses). The first call
/// opens the device. Throws Error, in every call, where there is none that works.
cudaStream_t stream();

/// The stream of copies that run beside the kernels. It waits for nothing but the events that it is
/// told to wait for.
cudaStream_t copy_stream();

/// Waits until all that was asked for is done. Throws Error naming `op` where a kernel failed.
void synchronize(std::string_view op);

/// Throws Error that names `op` and what CUDA says, unless `status` is cudaSuccess.
void check_status(cudaError_t status, std::string_view op);

}  // namespace pixelgrad::cuda

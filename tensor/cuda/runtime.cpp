#include "tensor/cuda/runtime.h"

#include "tensor/check.h"
#include "tensor/cuda/graph.h"

namespace pixelgrad::cuda {
namespace {

cudaStream_t new_stream() {
  cudaStream_t stream = nullptr;
  check_status(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cuda");
  return stream;
}

cudaStream_t open_device() {
  int devices = 0;
  const cudaError_t found = cudaGetDeviceCount(&devices);
  if (found != cudaSuccess || devices == 0) {
    cudaGetLastError();  // so that the next call does not report it again
    throw Error(str("[cuda] no CUDA device: ",
                    found == cudaSuccess ? "none is visible" : cudaGetErrorString(found)));
  }
  return new_stream();
}

}  // namespace

cudaStream_t stream() {
  static const cudaStream_t stream = open_device();
  return stream;
}

cudaStream_t copy_stream() {
  stream();  // opens the device, or says that there is none
  static const cudaStream_t copies = new_stream();
  return copies;
}

void synchronize(std::string_view op) {
  launch_captured();
  check_status(cudaStreamSynchronize(stream()), op);
}

void check_status(cudaError_t status, std::string_view op) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // so that the next call does not report it again
  throw Error(
      str("[", op, "] CUDA: ", cudaGetErrorString(status), " (", cudaGetErrorName(status), ")"));
}

}  // namespace pixelgrad::cuda

#include "tensor/cuda/runtime.h"

#include "tensor/check.h"

namespace pixelgrad::cuda {
namespace {

cudaStream_t open_stream() {
  int devices = 0;
  const cudaError_t found = cudaGetDeviceCount(&devices);
  if (found != cudaSuccess || devices == 0) {
    cudaGetLastError();  // so that the next call does not report it again
    throw Error(str("[cuda] no CUDA device: ",
                    found == cudaSuccess ? "none is visible" : cudaGetErrorString(found)));
  }
  cudaStream_t stream = nullptr;
  check_status(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cuda");
  return stream;
}

}  // namespace

cudaStream_t stream() {
  static const cudaStream_t stream = open_stream();
  return stream;
}

void synchronize(std::string_view op) { check_status(cudaStreamSynchronize(stream()), op); }

void check_status(cudaError_t status, std::string_view op) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // so that the next call does not report it again
  throw Error(
      str("[", op, "] CUDA: ", cudaGetErrorString(status), " (", cudaGetErrorName(status), ")"));
}

}  // namespace pixelgrad::cuda

// cuBLAS and copies are what kernels of our own are held against.
#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <algorithm>

#include "bench/yardstick.h"
#include "tensor/allocator.h"
#include "tensor/cuda/runtime.h"
#include "tensor/kernels/conv2d.h"
#include "tensor/random.h"
#include "tensor/tensor.h"

namespace pixelgrad::bench {
namespace {

using kernels::Precision;

#ifdef PIXELGRAD_CUDA_EMULATED
constexpr int side = 32;             // of the matrices
constexpr int64_t copied = 1 << 20;  // bytes
#else
constexpr int side = 4096;             // enough tiles for every multiprocessor
constexpr int64_t copied = 512 << 20;  // many times the second-level cache
#endif

void check_cublas(cublasStatus_t status, const char* what) {
  check(status == CUBLAS_STATUS_SUCCESS, "[bench] ", what, ": ", cublasGetStatusString(status));
}

class CudaYardstick final : public Yardstick {
 public:
  CudaYardstick()
      : from_(Tensor::full({copied}, 1, Dtype::u8, Device::cuda)),
        to_(Tensor::full({copied}, 0, Dtype::u8, Device::cuda)),
        a_(normal(1)),
        b_(normal(2)),
        c_(Tensor::full({side, side}, 0, Dtype::f32, Device::cuda)) {
    check_cublas(cublasCreate(&cublas_), "cublasCreate");
    check_cublas(cublasSetStream(cublas_, cuda::stream()), "cublasSetStream");
    for (cudaEvent_t* event : {&start_, &end_}) cuda::check_status(cudaEventCreate(event), "bench");
    own_bytes_ = memory_stats(Device::cuda).in_use;
  }
  ~CudaYardstick() override {
    cudaEventDestroy(start_);
    cudaEventDestroy(end_);
    cublasDestroy(cublas_);
  }

  std::string device() const override {
    cudaDeviceProp properties;
    cuda::check_status(cudaGetDeviceProperties(&properties, 0), "bench");
    return properties.name;
  }
  std::string compute_name() const override {
    return str("GEMM peak of cuBLAS, ", name(kernels::precision()));
  }
  std::string memory_name() const override { return "copy"; }

  double compute_peak(double window) override {
    multiply();  // is there, and chosen
    const double once = elapsed([&] { multiply(); });
    const int times = std::max(1, static_cast<int>(window / once));
    const double seconds = elapsed([&] {
      for (int i = 0; i < times; ++i) multiply();
    });
    return 2.0 * side * side * side * times / seconds * 1e-9;
  }

  /// A byte that is copied is read and written.
  double memory_peak() override {
    return 2.0 * static_cast<double>(copied) / elapsed([&] { copy(); }) * 1e-9;
  }

  /// The device is kept busy while the host asks for the call, so that what counts is the device's
  /// time only.
  double time(const std::function<void()>& call, bool warm) override {
    copy();
    if (warm) call();
    return elapsed(call);
  }

  void wait() override { cuda::synchronize("bench"); }
  int64_t bytes() override { return memory_stats(Device::cuda).in_use - own_bytes_; }
  int64_t peak_bytes() override { return memory_stats(Device::cuda).peak_in_use - own_bytes_; }

 private:
  /// Not all ones: a GPU that multiplies those draws less power, and runs faster.
  static Tensor normal(uint64_t seed) {
    Tensor x = Tensor::empty({side, side}, Dtype::f32);
    fill_normal(x, {.seed = seed}, 0, 1);
    return x.to(Device::cuda);
  }
  static std::string name(Precision precision) {
    for (const auto& [name, value] : kernels::precisions())
      if (value == precision) return name;
    return "?";
  }

  double elapsed(const std::function<void()>& work) {
    cuda::check_status(cudaEventRecord(start_, cuda::stream()), "bench");
    work();
    cuda::check_status(cudaEventRecord(end_, cuda::stream()), "bench");
    cuda::check_status(cudaEventSynchronize(end_), "bench");
    float milliseconds = 0;
    cuda::check_status(cudaEventElapsedTime(&milliseconds, start_, end_), "bench");
    return 1e-3 * std::max(static_cast<double>(milliseconds), 1e-6);
  }

  void copy() {
    cuda::check_status(cudaMemcpyAsync(to_.mutable_raw(), from_.raw(), static_cast<size_t>(copied),
                                       cudaMemcpyDeviceToDevice, cuda::stream()),
                       "bench");
  }

  /// In bf16 the matrices are bf16 in memory, too (their bits here are some numbers): the most that
  /// the GPU can do.
  void multiply() {
    const Precision precision = kernels::precision();
    const cudaDataType type = precision == Precision::bf16 ? CUDA_R_16BF : CUDA_R_32F;
    const cublasComputeType_t compute =
        precision == Precision::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    const float one = 1, zero = 0;
    check_cublas(cublasGemmEx(cublas_, CUBLAS_OP_N, CUBLAS_OP_N, side, side, side, &one, a_.raw(),
                              type, side, b_.raw(), type, side, &zero, c_.mutable_raw(), CUDA_R_32F,
                              side, compute, CUBLAS_GEMM_DEFAULT),
                 "cublasGemmEx");
  }

  Tensor from_, to_, a_, b_, c_;
  cublasHandle_t cublas_ = nullptr;
  cudaEvent_t start_ = nullptr, end_ = nullptr;
  int64_t own_bytes_ = 0;
};

}  // namespace

std::unique_ptr<Yardstick> make_cuda_yardstick() { return std::make_unique<CudaYardstick>(); }

}  // namespace pixelgrad::bench

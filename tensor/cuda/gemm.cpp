#include "tensor/cuda/gemm.h"

#include <cublas_v2.h>

#include <mutex>

#include "tensor/allocator.h"
#include "tensor/check.h"
#include "tensor/cuda/graph.h"
#include "tensor/cuda/runtime.h"

namespace pixelgrad::cuda {
namespace {

/// What cuBLAS's manual recommends: 32 MiB from compute capability 9.0 on, else 4.
size_t workspace_bytes() {
  int device = 0, major = 0;
  check_status(cudaGetDevice(&device), "cublas");
  check_status(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "cublas");
  return size_t{major >= 9 ? 32u : 4u} << 20;
}

void check_cublas(cublasStatus_t status, const char* op) {
  check(status == CUBLAS_STATUS_SUCCESS, "[", op, "] cuBLAS: ", cublasGetStatusString(status), " (",
        cublasGetStatusName(status), ")");
}

/// cuBLAS on our stream. One instance lives for the whole program, and is never destroyed: the
/// device may be gone before destructors of ours run.
struct Cublas {
  std::mutex mutex;  // a handle is for one thread at a time
  cublasHandle_t handle = nullptr;

  static Cublas& instance() {
    static Cublas* cublas = new Cublas;
    return *cublas;
  }

 private:
  Cublas() {
    launch_captured();  // what cuBLAS asks for here is none of a graph's
    const size_t bytes = workspace_bytes();
    void* const workspace = allocate(Device::cuda, bytes);
    check_cublas(cublasCreate(&handle), "cublas");
    check_cublas(cublasSetStream(handle, stream()), "cublas");  // which takes its workspace away
    check_cublas(cublasSetWorkspace(handle, workspace, bytes), "cublas");
  }
};

}  // namespace

// cuBLAS stores column by column. Seen so, our matrices are transposed, and c^T = b^T a^T.
void gemm(const char* op, kernels::Precision precision, int64_t m, int64_t n, int64_t k,
          const Matrix& a, const Matrix& b, float beta, float* c, int64_t c_row) {
  Cublas& cublas = Cublas::instance();
  const std::lock_guard lock(cublas.mutex);
  const float one = 1;
  const auto operation = [](const Matrix& x) { return x.transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
  check_cublas(
      cublasGemmEx(
          cublas.handle, operation(b), operation(a), static_cast<int>(n), static_cast<int>(m),
          static_cast<int>(k), &one, b.values, CUDA_R_32F, static_cast<int>(b.row), a.values,
          CUDA_R_32F, static_cast<int>(a.row), &beta, c, CUDA_R_32F, static_cast<int>(c_row),
          precision == kernels::Precision::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
          CUBLAS_GEMM_DEFAULT),
      op);
}

}  // namespace pixelgrad::cuda

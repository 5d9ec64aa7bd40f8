#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <bit>
#include <set>
#include <vector>

#include "tests/cuda_emulator/device.h"
#include "tests/cuda_emulator/device_memory.h"
#include "tests/cuda_emulator/stream.h"

/// What cublasHandle_t points to.
struct cublasContext {
  cudaStream_t stream = nullptr;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
};

namespace {

using emulator::DeviceMemory;

auto& handles = *new std::set<cublasHandle_t>;

struct Matrix {
  const void* data;
  cudaDataType type;
  long long stride;  // elements between the matrices of a batch
  int leading, rows, columns;
  bool transposed;
};

struct Product {
  int m, n, k, batches;
  double alpha, beta;
  Matrix a, b, c;
  bool tf32;
};

size_t bytes_of(cudaDataType type) { return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2; }

double read(cudaDataType type, const void* data, int64_t i) {
  switch (type) {
    case CUDA_R_64F:
      return static_cast<const double*>(data)[i];
    case CUDA_R_32F:
      return static_cast<const float*>(data)[i];
    case CUDA_R_16BF:
      return static_cast<float>(static_cast<const __nv_bfloat16*>(data)[i]);
    default:
      return static_cast<float>(static_cast<const __half*>(data)[i]);
  }
}

void write(cudaDataType type, void* data, int64_t i, double value) {
  switch (type) {
    case CUDA_R_64F:
      static_cast<double*>(data)[i] = value;
      break;
    case CUDA_R_32F:
      static_cast<float*>(data)[i] = static_cast<float>(value);
      break;
    case CUDA_R_16BF:
      static_cast<__nv_bfloat16*>(data)[i] = value;
      break;
    default:
      static_cast<__half*>(data)[i] = value;
  }
}

/// To 10 bits of mantissa, to nearest, ties away from 0.
float rounded_to_tf32(float x) {
  return std::isfinite(x) ? std::bit_cast<float>((std::bit_cast<uint32_t>(x) + 0x1000u) & ~0x1FFFu)
                          : x;
}

/// op(matrix), column by column.
template <class Sum>
std::vector<Sum> packed(const Matrix& matrix, int batch, bool tf32) {
  std::vector<Sum> values(static_cast<size_t>(matrix.rows) * static_cast<size_t>(matrix.columns));
  for (int j = 0; j < matrix.columns; ++j)
    for (int i = 0; i < matrix.rows; ++i) {
      const int64_t row = matrix.transposed ? j : i, column = matrix.transposed ? i : j;
      auto value = static_cast<Sum>(
          read(matrix.type, matrix.data, batch * matrix.stride + row + column * matrix.leading));
      if (tf32) value = rounded_to_tf32(static_cast<float>(value));
      values[static_cast<size_t>(j) * static_cast<size_t>(matrix.rows) + static_cast<size_t>(i)] =
          value;
    }
  return values;
}

template <class Sum>
void multiply(const Product& p) {
  const auto m = static_cast<size_t>(p.m), k = static_cast<size_t>(p.k);
  std::vector<Sum> sums(m);
  for (int batch = 0; batch < p.batches; ++batch) {
    // Where alpha is 0, A and B are not read.
    const bool any = p.alpha != 0 && k > 0;
    const std::vector<Sum> a = any ? packed<Sum>(p.a, batch, p.tf32) : std::vector<Sum>();
    const std::vector<Sum> b = any ? packed<Sum>(p.b, batch, p.tf32) : std::vector<Sum>();
    for (size_t j = 0; j < static_cast<size_t>(p.n); ++j) {
      std::fill(sums.begin(), sums.end(), Sum(0));
      for (size_t l = 0; any && l < k; ++l)
        for (size_t i = 0; i < m; ++i) sums[i] += a[l * m + i] * b[j * k + l];
      for (size_t i = 0; i < m; ++i) {
        const int64_t place =
            batch * p.c.stride + static_cast<int64_t>(j) * p.c.leading + static_cast<int64_t>(i);
        Sum value = static_cast<Sum>(p.alpha) * sums[i];
        if (p.beta != 0)
          value += static_cast<Sum>(p.beta) * static_cast<Sum>(read(p.c.type, p.c.data, place));
        write(p.c.type, const_cast<void*>(p.c.data), place, value);
      }
    }
  }
}

/// Whether all elements of a batch lie in one allocation of the device.
bool on_device(const Matrix& matrix, int batches) {
  if (matrix.rows == 0 || matrix.columns == 0) return true;
  const int columns = matrix.transposed ? matrix.rows : matrix.columns;
  const int rows = matrix.transposed ? matrix.columns : matrix.rows;
  const long long last =
      (batches - 1) * matrix.stride + static_cast<long long>(columns - 1) * matrix.leading + rows;
  return matrix.stride >= 0 && DeviceMemory::instance().allocated(
                                   matrix.data, static_cast<size_t>(last) * bytes_of(matrix.type));
}

bool is_float(cublasComputeType_t compute) {
  return compute == CUBLAS_COMPUTE_32F || compute == CUBLAS_COMPUTE_32F_PEDANTIC ||
         compute == CUBLAS_COMPUTE_32F_FAST_TF32;
}

cublasStatus_t check(const Product& p, cublasOperation_t op_a, cublasOperation_t op_b,
                     const void* alpha, const void* beta, cublasComputeType_t compute) {
  const auto stored_rows = [](const Matrix& matrix) {
    return matrix.transposed ? matrix.columns : matrix.rows;
  };
  const auto valid = [](cublasOperation_t op) { return op >= CUBLAS_OP_N && op <= CUBLAS_OP_C; };
  if (!valid(op_a) || !valid(op_b) || p.m < 0 || p.n < 0 || p.k < 0 || p.batches < 0 ||
      alpha == nullptr || beta == nullptr)
    return CUBLAS_STATUS_INVALID_VALUE;
  for (const Matrix& matrix : {p.a, p.b, p.c})
    if (matrix.leading < std::max(1, stored_rows(matrix))) return CUBLAS_STATUS_INVALID_VALUE;
  const bool small = p.a.type == CUDA_R_16F || p.a.type == CUDA_R_16BF;
  const bool known = p.a.type == CUDA_R_64F
                         ? p.c.type == CUDA_R_64F && (compute == CUBLAS_COMPUTE_64F ||
                                                      compute == CUBLAS_COMPUTE_64F_PEDANTIC)
                         : (p.c.type == p.a.type || (small && p.c.type == CUDA_R_32F)) &&
                               is_float(compute) && (small || p.a.type == CUDA_R_32F);
  if (p.a.type != p.b.type || !known) return CUBLAS_STATUS_NOT_SUPPORTED;
  return CUBLAS_STATUS_SUCCESS;
}

/// What the functions below have in common: the lock, and a handle that lives.
template <class F>
cublasStatus_t with_handle(cublasHandle_t handle, F&& f) {
  const std::lock_guard lock(emulator::device_mutex());
  return handles.contains(handle) ? f() : CUBLAS_STATUS_NOT_INITIALIZED;
}

}  // namespace

cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  const std::lock_guard lock(emulator::device_mutex());
  if (handle == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  if (!emulator::has_device()) return CUBLAS_STATUS_NOT_INITIALIZED;
  *handle = *handles.insert(new cublasContext).first;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  const std::lock_guard lock(emulator::device_mutex());
  if (handles.erase(handle) == 0) return CUBLAS_STATUS_NOT_INITIALIZED;
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  return with_handle(handle, [&] { return handle->stream = stream, CUBLAS_STATUS_SUCCESS; });
}

cublasStatus_t cublasGetStream(cublasHandle_t handle, cudaStream_t* stream) {
  return with_handle(handle, [&] { return *stream = handle->stream, CUBLAS_STATUS_SUCCESS; });
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  return with_handle(handle, [&] { return handle->math = mode, CUBLAS_STATUS_SUCCESS; });
}

cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t* mode) {
  return with_handle(handle, [&] { return *mode = handle->math, CUBLAS_STATUS_SUCCESS; });
}

cublasStatus_t cublasSetPointerMode(cublasHandle_t handle, cublasPointerMode_t mode) {
  return with_handle(handle, [&] {
    return mode == CUBLAS_POINTER_MODE_HOST ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
  });
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void* workspace, size_t bytes) {
  return with_handle(handle, [&] {
    const bool mine = bytes == 0 || DeviceMemory::instance().allocated(workspace, bytes);
    return mine && reinterpret_cast<uintptr_t>(workspace) % 256 == 0 ? CUBLAS_STATUS_SUCCESS
                                                                     : CUBLAS_STATUS_INVALID_VALUE;
  });
}

const char* cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_ARCH_MISMATCH:
      return "CUBLAS_STATUS_ARCH_MISMATCH";
    case CUBLAS_STATUS_MAPPING_ERROR:
      return "CUBLAS_STATUS_MAPPING_ERROR";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_INTERNAL_ERROR:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    case CUBLAS_STATUS_LICENSE_ERROR:
      return "CUBLAS_STATUS_LICENSE_ERROR";
  }
  return "unknown status";
}

const char* cublasGetStatusString(cublasStatus_t status) { return cublasGetStatusName(status); }

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t op_a,
                                          cublasOperation_t op_b, int m, int n, int k,
                                          const void* alpha, const void* a, cudaDataType type_a,
                                          int lda, long long stride_a, const void* b,
                                          cudaDataType type_b, int ldb, long long stride_b,
                                          const void* beta, void* c, cudaDataType type_c, int ldc,
                                          long long stride_c, int batches,
                                          cublasComputeType_t compute, cublasGemmAlgo_t) {
  return with_handle(handle, [&] {
    const bool tf32 =
        type_a == CUDA_R_32F &&
        (compute == CUBLAS_COMPUTE_32F_FAST_TF32 ||
         (compute == CUBLAS_COMPUTE_32F && handle->math == CUBLAS_TF32_TENSOR_OP_MATH));
    Product p{m,
              n,
              k,
              batches,
              0,
              0,
              {a, type_a, stride_a, lda, m, k, op_a != CUBLAS_OP_N},
              {b, type_b, stride_b, ldb, k, n, op_b != CUBLAS_OP_N},
              {c, type_c, stride_c, ldc, m, n, false},
              tf32};
    if (const cublasStatus_t status = check(p, op_a, op_b, alpha, beta, compute)) return status;
    if (m == 0 || n == 0 || batches == 0) return CUBLAS_STATUS_SUCCESS;
    const cudaDataType scalar = type_a == CUDA_R_64F ? CUDA_R_64F : CUDA_R_32F;
    p.alpha = read(scalar, alpha, 0);
    p.beta = read(scalar, beta, 0);
    const bool reads = p.alpha != 0;
    if (!on_device(p.c, batches) ||
        (reads && (!on_device(p.a, batches) || !on_device(p.b, batches))))
      return CUBLAS_STATUS_EXECUTION_FAILED;
    const cudaError_t error = emulator::enqueue(handle->stream, emulator::WorkKind::kernel, [p] {
      const DeviceMemory::Opened opened;
      p.a.type == CUDA_R_64F ? multiply<double>(p) : multiply<float>(p);
    });
    return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
  });
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b,
                            int m, int n, int k, const void* alpha, const void* a,
                            cudaDataType type_a, int lda, const void* b, cudaDataType type_b,
                            int ldb, const void* beta, void* c, cudaDataType type_c, int ldc,
                            cublasComputeType_t compute, cublasGemmAlgo_t algorithm) {
  return cublasGemmStridedBatchedEx(handle, op_a, op_b, m, n, k, alpha, a, type_a, lda, 0, b,
                                    type_b, ldb, 0, beta, c, type_c, ldc, 0, 1, compute, algorithm);
}

cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, cublasOperation_t op_a,
                                         cublasOperation_t op_b, int m, int n, int k,
                                         const float* alpha, const float* a, int lda,
                                         long long stride_a, const float* b, int ldb,
                                         long long stride_b, const float* beta, float* c, int ldc,
                                         long long stride_c, int batches) {
  return cublasGemmStridedBatchedEx(handle, op_a, op_b, m, n, k, alpha, a, CUDA_R_32F, lda,
                                    stride_a, b, CUDA_R_32F, ldb, stride_b, beta, c, CUDA_R_32F,
                                    ldc, stride_c, batches, CUBLAS_COMPUTE_32F,
                                    CUBLAS_GEMM_DEFAULT);
}

cublasStatus_t cublasDgemmStridedBatched(cublasHandle_t handle, cublasOperation_t op_a,
                                         cublasOperation_t op_b, int m, int n, int k,
                                         const double* alpha, const double* a, int lda,
                                         long long stride_a, const double* b, int ldb,
                                         long long stride_b, const double* beta, double* c, int ldc,
                                         long long stride_c, int batches) {
  return cublasGemmStridedBatchedEx(handle, op_a, op_b, m, n, k, alpha, a, CUDA_R_64F, lda,
                                    stride_a, b, CUDA_R_64F, ldb, stride_b, beta, c, CUDA_R_64F,
                                    ldc, stride_c, batches, CUBLAS_COMPUTE_64F,
                                    CUBLAS_GEMM_DEFAULT);
}

cublasStatus_t cublasSgemm(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b,
                           int m, int n, int k, const float* alpha, const float* a, int lda,
                           const float* b, int ldb, const float* beta, float* c, int ldc) {
  return cublasSgemmStridedBatched(handle, op_a, op_b, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta,
                                   c, ldc, 0, 1);
}

cublasStatus_t cublasDgemm(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b,
                           int m, int n, int k, const double* alpha, const double* a, int lda,
                           const double* b, int ldb, const double* beta, double* c, int ldc) {
  return cublasDgemmStridedBatched(handle, op_a, op_b, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta,
                                   c, ldc, 0, 1);
}

// Matrix products against naive loops over whole numbers, where all orders of sums agree exactly.
#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <random>

#include "tests/cuda_emulator/test_support.h"

namespace emulated {
namespace {

void expect_status(cublasStatus_t found, cublasStatus_t expected = CUBLAS_STATUS_SUCCESS) {
  EXPECT_EQ(found, expected) << cublasGetStatusName(found);
}

class Cublas : public testing::Test {
 protected:
  void SetUp() override { expect_status(cublasCreate(&handle_)); }
  void TearDown() override { expect_status(cublasDestroy(handle_)); }
  cublasHandle_t handle_ = nullptr;
};

struct Shape3 {
  int m, n, k;
};

/// Whole numbers from -4 to 4.
template <class T>
std::vector<T> whole_numbers(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<T> values(n);
  for (T& value : values) value = static_cast<T>(static_cast<int>(random() % 9) - 4);
  return values;
}

/// alpha op(A) op(B) + beta C for column-major matrices, in double.
template <class T, class C>
std::vector<C> naive(cublasOperation_t op_a, cublasOperation_t op_b, Shape3 s, double alpha,
                     const T* a, int lda, const T* b, int ldb, double beta, std::vector<C> c,
                     size_t offset, int ldc) {
  for (int j = 0; j < s.n; ++j)
    for (int i = 0; i < s.m; ++i) {
      double sum = 0;
      for (int l = 0; l < s.k; ++l)
        sum += static_cast<double>(op_a == CUBLAS_OP_N ? a[i + l * lda] : a[l + i * lda]) *
               static_cast<double>(op_b == CUBLAS_OP_N ? b[l + j * ldb] : b[j + l * ldb]);
      C& place = c[offset + static_cast<size_t>(i + j * ldc)];
      place = static_cast<C>(alpha * sum + (beta == 0 ? 0 : beta * static_cast<double>(place)));
    }
  return c;
}

template <class T>
std::vector<float> floats(const std::vector<T>& values) {
  return {values.begin(), values.end()};
}

/// All transposes, with columns that are longer than needed, for two batches.
template <class T, class C, class Call>
void expect_products(double alpha, double beta, Call&& call) {
  const Shape3 s{5, 7, 6};
  for (const cublasOperation_t op_a : {CUBLAS_OP_N, CUBLAS_OP_T})
    for (const cublasOperation_t op_b : {CUBLAS_OP_N, CUBLAS_OP_C}) {
      const int lda = (op_a == CUBLAS_OP_N ? s.m : s.k) + 1;
      const int ldb = (op_b == CUBLAS_OP_N ? s.k : s.n) + 2, ldc = s.m + 3;
      const std::vector<T> a = whole_numbers<T>(200, 1), b = whole_numbers<T>(200, 2);
      const std::vector<C> c = whole_numbers<C>(200, 3);
      DeviceArray<T> device_a(a), device_b(b);
      DeviceArray<C> device_c(c);
      expect_status(
          call(op_a, op_b, s, device_a.data(), lda, device_b.data(), ldb, device_c.data(), ldc));
      std::vector<C> expected = c;
      for (const size_t batch : {0, 1})
        expected = naive(op_a, op_b, s, alpha, a.data() + 90 * batch, lda, b.data() + 95 * batch,
                         ldb, beta, expected, 100 * batch, ldc);
      EXPECT_EQ(floats(device_c.values()), floats(expected)) << op_a << op_b;
    }
}

TEST_F(Cublas, Floats) {
  const float alpha = 2, beta = -1;
  expect_products<float, float>(
      alpha, beta,
      [&](auto op_a, auto op_b, Shape3 s, auto* a, int lda, auto* b, int ldb, auto* c, int ldc) {
        return cublasSgemmStridedBatched(handle_, op_a, op_b, s.m, s.n, s.k, &alpha, a, lda, 90, b,
                                         ldb, 95, &beta, c, ldc, 100, 2);
      });
}

TEST_F(Cublas, Doubles) {
  const double alpha = -3, beta = 0;
  expect_products<double, double>(
      alpha, beta,
      [&](auto op_a, auto op_b, Shape3 s, auto* a, int lda, auto* b, int ldb, auto* c, int ldc) {
        for (const int batch : {0, 1}) {
          const cublasStatus_t status =
              cublasDgemm(handle_, op_a, op_b, s.m, s.n, s.k, &alpha, a + 90 * batch, lda,
                          b + 95 * batch, ldb, &beta, c + 100 * batch, ldc);
          if (status != CUBLAS_STATUS_SUCCESS) return status;
        }
        return CUBLAS_STATUS_SUCCESS;
      });
}

template <class T, class C>
void expect_small(cublasHandle_t handle, cudaDataType type, cudaDataType type_c) {
  const float alpha = 1, beta = 1;
  expect_products<T, C>(
      alpha, beta,
      [&](auto op_a, auto op_b, Shape3 s, auto* a, int lda, auto* b, int ldb, auto* c, int ldc) {
        return cublasGemmStridedBatchedEx(handle, op_a, op_b, s.m, s.n, s.k, &alpha, a, type, lda,
                                          90, b, type, ldb, 95, &beta, c, type_c, ldc, 100, 2,
                                          CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
      });
}

TEST_F(Cublas, SmallFloats) {
  expect_small<__nv_bfloat16, __nv_bfloat16>(handle_, CUDA_R_16BF, CUDA_R_16BF);
  expect_small<__nv_bfloat16, float>(handle_, CUDA_R_16BF, CUDA_R_32F);
  expect_small<__half, __half>(handle_, CUDA_R_16F, CUDA_R_16F);
  expect_small<__half, float>(handle_, CUDA_R_16F, CUDA_R_32F);
}

TEST_F(Cublas, Tf32IsAnOption) {
  // 1 + 2^-12 is 1 in TF32, which keeps 10 bits, and 1 + 2^-11 a tie that goes away from 0.
  DeviceArray<float> a(std::vector<float>{1 + 0x1p-12f, -1 - 0x1p-11f}), b(std::vector<float>{1});
  const float alpha = 1, beta = 0;
  const auto product = [&] {
    DeviceArray<float> c(2);
    expect_status(cublasSgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 2, 1, 1, &alpha, a.data(), 2,
                              b.data(), 1, &beta, c.data(), 2));
    return c.values();
  };
  EXPECT_THAT(product(), testing::ElementsAre(1 + 0x1p-12f, -1 - 0x1p-11f));
  expect_status(cublasSetMathMode(handle_, CUBLAS_TF32_TENSOR_OP_MATH));
  EXPECT_THAT(product(), testing::ElementsAre(1.0f, -1 - 0x1p-10f));
}

// C is new memory, all NaN: with beta = 0 it is not read.
TEST_F(Cublas, NothingToAddUp) {
  DeviceArray<float> a(std::vector<float>{1}), c(2);
  const float alpha = 1, beta = 0;
  expect_status(cublasSgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 2, 1, 0, &alpha, a.data(), 2,
                            a.data(), 1, &beta, c.data(), 2));
  EXPECT_THAT(c.values(), testing::ElementsAre(0, 0));
}

TEST_F(Cublas, CapturedProductsRunWithTheGraph) {
  DeviceArray<float> a(std::vector<float>{3}), c(std::vector<float>{1});
  cudaStream_t stream = nullptr;
  expect_success(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  expect_status(cublasSetStream(handle_, stream));
  expect_success(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
  float alpha = 2, beta = 1;
  expect_status(cublasSgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &alpha, a.data(), 1,
                            a.data(), 1, &beta, c.data(), 1));
  alpha = beta = 0;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  expect_success(cudaStreamEndCapture(stream, &graph));
  expect_success(cudaGraphInstantiate(&executable, graph));
  EXPECT_THAT(c.values(), testing::ElementsAre(1));
  expect_success(cudaGraphLaunch(executable, stream));
  expect_success(cudaGraphLaunch(executable, stream));
  EXPECT_THAT(c.values(), testing::ElementsAre(37));
  expect_success(cudaGraphExecDestroy(executable));
  expect_success(cudaGraphDestroy(graph));
  expect_success(cudaStreamDestroy(stream));
}

TEST_F(Cublas, WrongArguments) {
  DeviceArray<float> a(std::vector<float>(12, 1));
  std::vector<float> host(12);
  const float alpha = 1, beta = 0;
  const auto gemm = [&](int m, int lda, const float* pointer, const float* scale) {
    return cublasSgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_N, m, 2, 2, scale, pointer, lda, a.data(), 2,
                       &beta, a.data(), 6);
  };
  expect_status(gemm(3, 3, a.data(), &alpha));
  expect_status(gemm(-1, 3, a.data(), &alpha), CUBLAS_STATUS_INVALID_VALUE);
  expect_status(gemm(3, 2, a.data(), &alpha), CUBLAS_STATUS_INVALID_VALUE);
  expect_status(gemm(3, 3, a.data(), nullptr), CUBLAS_STATUS_INVALID_VALUE);
  expect_status(gemm(3, 3, host.data(), &alpha), CUBLAS_STATUS_EXECUTION_FAILED);
  expect_status(gemm(3, 10, a.data(), &alpha), CUBLAS_STATUS_EXECUTION_FAILED);  // 13 > 12 elements
  expect_status(cublasGemmEx(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &alpha, a.data(),
                             CUDA_R_16BF, 1, a.data(), CUDA_R_32F, 1, &beta, a.data(), CUDA_R_32F,
                             1, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
                CUBLAS_STATUS_NOT_SUPPORTED);
  expect_status(cublasSetWorkspace(handle_, host.data(), 48), CUBLAS_STATUS_INVALID_VALUE);
  expect_status(cublasSetWorkspace(handle_, a.data(), 48));
  expect_status(cublasSetStream(nullptr, nullptr), CUBLAS_STATUS_NOT_INITIALIZED);
}

}  // namespace
}  // namespace emulated

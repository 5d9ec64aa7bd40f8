// The kernels of the emulator's tests for a real GPU, so that what the emulator offers is what CUDA
// has: nvcc -std=c++20 -arch=sm_90 -I. -c tests/cuda_emulator/kernels/nvcc_check.cu -o /dev/null
#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "tests/cuda_emulator/kernels/arithmetic.h"
#include "tests/cuda_emulator/kernels/execution.h"
#include "tests/cuda_emulator/kernels/tensor_core.h"
#include "tests/cuda_emulator/kernels/warp.h"
#include "tests/cuda_emulator/kernels/wrong.h"

namespace {

template <class... Parameters, class... Arguments>
cudaError_t launch(void (*kernel)(Parameters...), Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(1);
  config.blockDim = dim3(32);
  return cudaLaunchKernelEx(&config, kernel, static_cast<Arguments&&>(arguments)...);
}

__global__ void small_floats(__nv_bfloat162* b, __half2* h, float* out) {
  b[0] = __hfma2(b[0], __floats2bfloat162_rn(1.0f, 2.0f), b[1] * b[2]);
  h[0] = __hadd2(h[0], __halves2half2(__float2half(out[0]), __float2half_rn(out[1])));
  out[2] = __low2float(b[0]) + __bfloat162float(__low2bfloat16(b[1])) + __high2float(h[0]);
  out[3] = __half22float2(h[1]).x + __bfloat1622float2(b[2]).y;
  out[4] = __bfloat16_as_ushort(__hmax(b[0].x, b[0].y)) + __half_as_ushort(h[0].x);
}

}  // namespace

cudaError_t launch_all(Place* places, int* ints, float* floats, unsigned* bits, long long* longs,
                       uint16_t* halves, cudaStream_t stream) {
  launch(write_places, places);
  launch(add_one, ints, 3);
  launch(block_sums, ints, ints);
  launch(transpose, floats, floats, 3, 4);
  launch(prefix_sums, ints);
  launch(shift_left<true>, ints, ints);
  launch(shift_left<false>, ints, ints);
  launch(read_then_dirty, bits);
  launch(vote, ints, ints);
  launch(note_order, ints, ints);
  launch(some_return, 1);
  launch(two_barriers);
  launch(lane_missing, ints);
  launch(masks_differ);
  launch(not_in_its_mask);
  launch(shuffles_by, 8);
  launch(traps);
  launch(write_dynamic, 1);
  launch(write_static, 1);
  launch(write_local, 1, ints);
  launch(dynamic_address, longs);
  launch(write_global, ints, 5ll);
  launch(shuffles<int>, ints, ints, 32);
  launch(shuffles<unsigned>, bits, bits, 32);
  launch(shuffles<float>, floats, floats, 32);
  launch(shuffles<long long>, longs, longs, 32);
  launch(shuffles<double>, static_cast<const double*>(nullptr), static_cast<double*>(nullptr), 32);
  launch(sums_of_halves, ints, ints);
  launch(votes, ints, bits);
  launch(reverse_warp, ints);
  launch(reads_out_of_its_mask, bits);
  launch(shuffles_over, 31u, bits);
  launch(count_remainders, ints, 5, bits, ints, reinterpret_cast<unsigned long long*>(longs));
  launch(atomics, ints, bits);
  launch(integer_functions, longs);
  launch(float_functions, 1.0f, floats);
  launch(multiply_fragments<Mma::m16n8k8_tf32, 4, 2>, bits, bits, floats, floats);
  launch(multiply_fragments<Mma::m16n8k8_bf16, 2, 1>, bits, bits, floats, floats);
  launch(multiply_fragments<Mma::m16n8k8_f16, 2, 1>, bits, bits, floats, floats);
  launch(multiply_fragments<Mma::m16n8k16_bf16, 4, 2>, bits, bits, floats, floats);
  launch(multiply_fragments<Mma::m16n8k16_f16, 4, 2>, bits, bits, floats, floats);
  launch(load_fragments<1, false>, halves, bits, 8);
  launch(load_fragments<2, true>, halves, bits, 8);
  launch(load_fragments<4, true>, halves, bits, 8);
  launch(sum_tiles<true>, floats, floats);
  launch(copy_part<4>, static_cast<const unsigned char*>(nullptr),
         static_cast<unsigned char*>(nullptr), 3u);
  launch(copy_part<16>, static_cast<const unsigned char*>(nullptr),
         static_cast<unsigned char*>(nullptr), 3u);
  launch(read_strided<float4, 1056>, static_cast<float4*>(nullptr), 3, 4);
  launch(small_floats, static_cast<__nv_bfloat162*>(nullptr), static_cast<__half2*>(nullptr),
         floats);

  // The runtime, as the emulator declares it.
  void* pointer = nullptr;
  int number = 0;
  size_t free_bytes = 0, total = 0;
  cudaMalloc(&ints, 4);
  cudaMallocAsync(&floats, 4, stream);
  cudaFreeAsync(floats, stream);
  cudaMallocHost(&ints, 4);
  cudaHostAlloc(&pointer, 4, cudaHostAllocDefault);
  cudaFreeHost(pointer);
  cudaMemGetInfo(&free_bytes, &total);
  cudaPointerAttributes attributes{};
  cudaPointerGetAttributes(&attributes, pointer);
  cudaMemcpy2DAsync(ints, 4, ints, 4, 4, 1, cudaMemcpyDefault, stream);
  cudaMemsetAsync(ints, 0, 4, stream);
  cudaEvent_t event{};
  cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  cudaStreamWaitEvent(stream, event);
  cudaLaunchHostFunc(
      stream, [](void*) {}, nullptr);
  cudaDeviceProp properties{};
  cudaGetDeviceProperties(&properties, 0);
  cudaDeviceGetAttribute(&number, cudaDevAttrMultiProcessorCount, 0);
  cudaFuncSetAttribute(write_dynamic, cudaFuncAttributeMaxDynamicSharedMemorySize, 65536);
  cudaFuncAttributes of_function{};
  cudaFuncGetAttributes(&of_function, write_dynamic);
  cudaOccupancyMaxActiveBlocksPerMultiprocessor(&number, write_dynamic, 128, 0);
  cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  cudaGraph_t graph{};
  cudaGraphExec_t executable{};
  cudaStreamEndCapture(stream, &graph);
  cudaGraphInstantiate(&executable, graph);
  cudaGraphExecUpdateResultInfo info{};
  cudaGraphExecUpdate(executable, graph, &info);
  if (info.result == cudaGraphExecUpdateSuccess && !info.errorNode) cudaGetLastError();
  size_t count = 0;
  cudaGraphGetNodes(graph, nullptr, &count);
  cudaGraphLaunch(executable, stream);
  cudaGraphDestroy(graph);
  cudaGraphExecDestroy(executable);
  cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  cudaThreadExchangeStreamCaptureMode(&mode);

  cublasHandle_t handle{};
  cublasCreate(&handle);
  cublasSetStream(handle, stream);
  cublasSetMathMode(handle, CUBLAS_TF32_TENSOR_OP_MATH);
  cublasSetWorkspace(handle, pointer, 0);
  const float one = 1;
  cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_T, 1, 1, 1, &one, floats, 1, floats, 1, &one, floats,
              1);
  cublasSgemmStridedBatched(handle, CUBLAS_OP_N, CUBLAS_OP_C, 1, 1, 1, &one, floats, 1, 1, floats,
                            1, 1, &one, floats, 1, 1, 1);
  cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, halves, CUDA_R_16BF, 1, halves,
               CUDA_R_16BF, 1, &one, floats, CUDA_R_32F, 1, CUBLAS_COMPUTE_32F,
               CUBLAS_GEMM_DEFAULT);
  cublasGemmStridedBatchedEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, halves, CUDA_R_16F, 1,
                             1, halves, CUDA_R_16F, 1, 1, &one, floats, CUDA_R_32F, 1, 1, 1,
                             CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
  cublasDestroy(handle);
  return cudaGetLastError();
}

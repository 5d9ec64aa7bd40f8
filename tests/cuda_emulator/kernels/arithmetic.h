#pragma once
#include <cuda_runtime.h>

namespace {

/// Counts values by their remainder, and finds the extremes, over all blocks.
__global__ void count_remainders(const int* values, int n, unsigned* counts, int* extremes,
                                 unsigned long long* sum) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= n) return;
  atomicAdd(&counts[values[i] % 10], 1);
  atomicMin(&extremes[0], values[i]);
  atomicMax(&extremes[1], values[i]);
  atomicAdd(sum, static_cast<unsigned long long>(values[i]) << 32);
}

/// What each atomic operation returns and leaves, one thread.
__global__ void atomics(int* values, unsigned* bits) {
  bits[1] = atomicOr(&bits[0], 0x0Fu);
  bits[2] = atomicAnd(&bits[0], 0xF3u);
  bits[3] = atomicExch(&bits[0], 77u);
  bits[4] = atomicCAS(&bits[0], 77u, 78u);
  bits[5] = atomicCAS(&bits[0], 77u, 79u);
  values[1] = atomicAdd(&values[0], 1);  // wraps around
}

/// Bits and integers.
__global__ void integer_functions(long long* out) {
  out[0] = __popc(0xF0F0F001u);
  out[1] = __ffs(0x50);
  out[2] = __ffs(0);
  out[3] = __clz(1);
  out[4] = __clz(0);
  out[5] = __brev(0x00000005u);
  out[6] = __mulhi(-3, 1 << 30);
  out[7] = __umulhi(0xFFFFFFFFu, 0xFFFFFFFFu);
  out[8] = static_cast<long long>(__umul64hi(1ull << 63, 6));
  out[9] = min(3, -5);
  out[10] = max(3u, 5u);
  out[11] = max(-1ll, 1ll << 40);
  out[12] = __float_as_int(-1.5f);
  out[13] = __float2int_rn(2.5f);
  out[14] = __float2int_rz(-2.9f);
  out[15] = __float2int_rd(-2.1f);
  out[16] = __float2int_ru(2.1f);
  out[17] = __float2int_rn(3e10f);
  out[18] = __popcll(~0ull);
  out[19] = __clzll(1);
}

__global__ void float_functions(float nan, float* out) {
  out[0] = min(1.0f, nan);
  out[1] = max(nan, -2.0f);
  out[2] = __int_as_float(0x40490FDB);
  out[3] = rsqrtf(0.25f);
  out[4] = __fmaf_rn(0x1.000002p0f, 0x1.000002p0f, -1.0f);
  out[5] = __fmul_rn(0x1.000002p0f, 0x1.000002p0f) - 1.0f;
  out[6] = __saturatef(1.5f);
  out[7] = __saturatef(-0.5f);
  out[8] = __saturatef(nan);
  out[9] = __ldg(&out[2]);
  out[10] = __frcp_rn(3.0f);
}

}  // namespace

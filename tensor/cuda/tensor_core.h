#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#ifdef PIXELGRAD_CUDA_EMULATED
#include <cuda_bf16.h>
#include <emulator/warp_matrix.h>

#include <bit>
#include <cmath>
#endif

#include "tensor/cuda/shared_memory.h"

// Instructions that C++ has no words for, of GPUs from compute capability 8.0 on. Names in comments
// are those of NVIDIA's PTX ISA. A warp's 32 lanes execute them together, except for copies. In
// what follows g = lane / 4 and t = lane % 4.
namespace pixelgrad::cuda {

#ifdef PIXELGRAD_CUDA_EMULATED
inline constexpr bool has_tensor_cores = true;
#elif defined(__CUDA_ARCH__)
inline constexpr bool has_tensor_cores = __CUDA_ARCH__ >= 800;
#else
inline constexpr bool has_tensor_cores = false;  // the host's pass
#endif

#ifndef PIXELGRAD_CUDA_EMULATED
__device__ inline uint32_t shared_address(const void* p) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}
#endif

/// Starts a copy of `bytes` (4 or 16) to shared memory in the background (cp.async); where not
/// `read`, of zeros.
template <int bytes>
__device__ inline void copy_async(void* shared, const void* global, bool read) {
  static_assert(bytes == 4 || bytes == 16);
#ifdef PIXELGRAD_CUDA_EMULATED
  count_conflicts<bytes>(shared);
  emulator::async_copy(shared, global, bytes, read ? bytes : 0);
#else
  const int size = read ? bytes : 0;
  if constexpr (bytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
                 "l"(global), "r"(size)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(shared)),
                 "l"(global), "r"(size)
                 : "memory");
#endif
}

/// Makes a group of this thread's copies since the last call.
__device__ inline void end_copy_group() {
#ifdef PIXELGRAD_CUDA_EMULATED
  emulator::async_copy_commit();
#else
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/// Waits for all groups of this thread but the last `pending`.
template <int pending>
__device__ inline void wait_for_copies() {
#ifdef PIXELGRAD_CUDA_EMULATED
  emulator::async_copy_wait(pending);
#else
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#endif
}

/// Four matrices of 8 rows of 8 halves, or of 4 floats. Lanes 8 i to 8 i + 7 say where the rows of
/// matrix i begin; lane gets of each its row g, columns 2t and 2t + 1 of halves or t of floats
/// (ldmatrix.x4).
__device__ inline void load_matrices(const void* row, uint32_t (&r)[4]) {
#ifdef PIXELGRAD_CUDA_EMULATED
  count_conflicts<16>(row);
  emulator::ldmatrix(r, row);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
#endif
}

/// The same of halves, transposed: lane gets of each its column g, rows 2t and 2t + 1.
__device__ inline void load_transposed(const void* row, uint32_t (&r)[4]) {
#ifdef PIXELGRAD_CUDA_EMULATED
  count_conflicts<16>(row);
  emulator::ldmatrix_trans(r, row);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
#endif
}

/// A float's bits, rounded to the nearest TF32: 10 bits of mantissa instead of 23.
__device__ inline uint32_t to_tf32(uint32_t bits) {
#ifdef PIXELGRAD_CUDA_EMULATED
  return std::isnan(std::bit_cast<float>(bits)) ? 0x7FFFFFFFu : (bits + 0x1000u) & ~0x1FFFu;
#else
  uint32_t rounded;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(__uint_as_float(bits)));
  return rounded;
#endif
}

/// Two floats' bits, rounded to bfloat16 and packed, `low` in the low half.
__device__ inline uint32_t to_bf16(uint32_t low, uint32_t high) {
#ifdef PIXELGRAD_CUDA_EMULATED
  return __nv_bfloat16(std::bit_cast<float>(low)).bits() |
         static_cast<uint32_t>(__nv_bfloat16(std::bit_cast<float>(high)).bits()) << 16;
#else
  uint32_t packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;"
      : "=r"(packed)
      : "f"(__uint_as_float(high)), "f"(__uint_as_float(low)));
  return packed;
#endif
}

// d += a b, for d 16 x 8. Lane holds of d: upper[0], upper[1] of row g, columns 2t and 2t + 1;
// lower of row g + 8.

/// a 16 x 8 and b 8 x 8, of TF32. a[r] is row g + 8 (r % 2), column t + 4 (r / 2), b[r] row
/// t + 4 r, column g.
__device__ inline void multiply_tf32(const uint32_t (&a)[4], const uint32_t (&b)[2], float* upper,
                                     float* lower) {
#ifdef PIXELGRAD_CUDA_EMULATED
  const float c[4] = {upper[0], upper[1], lower[0], lower[1]};
  float d[4];
  emulator::mma_m16n8k8_tf32(d, a, b, c);
  upper[0] = d[0], upper[1] = d[1], lower[0] = d[2], lower[1] = d[3];
#else
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(upper[0]), "+f"(upper[1]), "+f"(lower[0]), "+f"(lower[1])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

/// a 16 x 16 and b 16 x 8, of bfloat16, two a register: a[r] is row g + 8 (r % 2), columns
/// 2t + 8 (r / 2) and the next, b[r] rows 2t + 8 r and the next, column g.
__device__ inline void multiply_bf16(const uint32_t (&a)[4], const uint32_t (&b)[2], float* upper,
                                     float* lower) {
#ifdef PIXELGRAD_CUDA_EMULATED
  const float c[4] = {upper[0], upper[1], lower[0], lower[1]};
  float d[4];
  emulator::mma_m16n8k16_bf16(d, a, b, c);
  upper[0] = d[0], upper[1] = d[1], lower[0] = d[2], lower[1] = d[3];
#else
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(upper[0]), "+f"(upper[1]), "+f"(lower[0]), "+f"(lower[1])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

}  // namespace pixelgrad::cuda

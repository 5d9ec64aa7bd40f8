#pragma once
// The instructions of the tensor cores, as PTX and as the emulator's twins: what a project's
// wrappers of them look like.
#include <cuda_runtime.h>

#include <cstdint>
#ifdef PIXELGRAD_CUDA_EMULATED
#include <emulator/bank_conflicts.h>
#include <emulator/warp_matrix.h>
#endif

namespace {

enum class Mma { m16n8k8_tf32, m16n8k8_bf16, m16n8k8_f16, m16n8k16_bf16, m16n8k16_f16 };

#ifdef PIXELGRAD_CUDA_EMULATED

template <Mma kind, int na, int nb>
void mma(float (&d)[4], const uint32_t (&a)[na], const uint32_t (&b)[nb], const float (&c)[4]) {
  if constexpr (kind == Mma::m16n8k8_tf32) emulator::mma_m16n8k8_tf32(d, a, b, c);
  if constexpr (kind == Mma::m16n8k8_bf16) emulator::mma_m16n8k8_bf16(d, a, b, c);
  if constexpr (kind == Mma::m16n8k8_f16) emulator::mma_m16n8k8_f16(d, a, b, c);
  if constexpr (kind == Mma::m16n8k16_bf16) emulator::mma_m16n8k16_bf16(d, a, b, c);
  if constexpr (kind == Mma::m16n8k16_f16) emulator::mma_m16n8k16_f16(d, a, b, c);
}

template <int count, bool transposed>
void load_matrices(uint32_t (&registers)[count], const void* row) {
  if (threadIdx.x % 32 < 8 * count) emulator::record_shared_access(row, 16);
  if constexpr (transposed)
    emulator::ldmatrix_trans(registers, row);
  else
    emulator::ldmatrix(registers, row);
}

template <int bytes>
void copy_async(void* shared, const void* global, unsigned source_bytes) {
  emulator::async_copy(shared, global, bytes, source_bytes);
}
inline void commit() { emulator::async_copy_commit(); }
template <int groups>
void wait() {
  emulator::async_copy_wait(groups);
}

inline float load_shared(const float* address) {
  emulator::record_shared_access(address, 4);
  return *address;
}
inline float4 load_shared(const float4* address) {
  emulator::record_shared_access(address, 16);
  return *address;
}
inline float2 load_shared(const float2* address) {
  emulator::record_shared_access(address, 8);
  return *address;
}

#else

#define MMA_4_2(shape)                                                                        \
  asm volatile("mma.sync.aligned." shape                                                      \
               " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"                   \
               : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])                               \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), \
                 "f"(c[1]), "f"(c[2]), "f"(c[3]))
#define MMA_2_1(shape)                                                                    \
  asm volatile("mma.sync.aligned." shape " {%0,%1,%2,%3}, {%4,%5}, {%6}, {%7,%8,%9,%10};" \
               : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])                           \
               : "r"(a[0]), "r"(a[1]), "r"(b[0]), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]))

template <Mma kind, int na, int nb>
__device__ void mma(float (&d)[4], const uint32_t (&a)[na], const uint32_t (&b)[nb],
                    const float (&c)[4]) {
  if constexpr (kind == Mma::m16n8k8_tf32) MMA_4_2("m16n8k8.row.col.f32.tf32.tf32.f32");
  if constexpr (kind == Mma::m16n8k8_bf16) MMA_2_1("m16n8k8.row.col.f32.bf16.bf16.f32");
  if constexpr (kind == Mma::m16n8k8_f16) MMA_2_1("m16n8k8.row.col.f32.f16.f16.f32");
  if constexpr (kind == Mma::m16n8k16_bf16) MMA_4_2("m16n8k16.row.col.f32.bf16.bf16.f32");
  if constexpr (kind == Mma::m16n8k16_f16) MMA_4_2("m16n8k16.row.col.f32.f16.f16.f32");
}

template <int count, bool transposed>
__device__ void load_matrices(uint32_t (&r)[count], const void* row) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
#define LOAD(options, outputs, ...)                                                     \
  asm volatile("ldmatrix.sync.aligned.m8n8." options ".shared.b16 " outputs:__VA_ARGS__ \
               : "r"(address))
  if constexpr (count == 1 && !transposed) LOAD("x1", "{%0}, [%1];", "=r"(r[0]));
  if constexpr (count == 1 && transposed) LOAD("x1.trans", "{%0}, [%1];", "=r"(r[0]));
  if constexpr (count == 2 && !transposed) LOAD("x2", "{%0,%1}, [%2];", "=r"(r[0]), "=r"(r[1]));
  if constexpr (count == 2 && transposed)
    LOAD("x2.trans", "{%0,%1}, [%2];", "=r"(r[0]), "=r"(r[1]));
  if constexpr (count == 4 && !transposed)
    LOAD("x4", "{%0,%1,%2,%3}, [%4];", "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]));
  if constexpr (count == 4 && transposed)
    LOAD("x4.trans", "{%0,%1,%2,%3}, [%4];", "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]));
#undef LOAD
}

template <int bytes>
__device__ void copy_async(void* shared, const void* global, unsigned source_bytes) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(address), "l"(global),
               "n"(bytes), "r"(source_bytes));
}
__device__ inline void commit() { asm volatile("cp.async.commit_group;"); }
template <int groups>
__device__ void wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(groups));
}

template <class T>
__device__ T load_shared(const T* address) {
  return *address;
}

#endif

/// One product: the fragments of 32 lanes in, those of D out.
template <Mma kind, int na, int nb>
__global__ void multiply_fragments(const uint32_t* a, const uint32_t* b, const float* c, float* d) {
  uint32_t my_a[na], my_b[nb];
  float my_c[4], my_d[4];
  for (int i = 0; i < na; ++i) my_a[i] = a[threadIdx.x * na + i];
  for (int i = 0; i < nb; ++i) my_b[i] = b[threadIdx.x * nb + i];
  for (int i = 0; i < 4; ++i) my_c[i] = c[threadIdx.x * 4 + i];
  mma<kind>(my_d, my_a, my_b, my_c);
  for (int i = 0; i < 4; ++i) d[threadIdx.x * 4 + i] = my_d[i];
}

/// Loads `count` 8 x 8 matrices that lie one behind another, rows `row_elements` apart.
template <int count, bool transposed>
__global__ void load_fragments(const uint16_t* matrices, uint32_t* registers, int row_elements) {
  __shared__ __align__(16) uint16_t shared[4 * 8 * 64];
  for (int i = static_cast<int>(threadIdx.x); i < count * 8 * row_elements; i += 32)
    shared[i] = matrices[i];
  __syncwarp();
  uint32_t mine[count];
  const int row = static_cast<int>(threadIdx.x) % (8 * count);
  load_matrices<count, transposed>(mine, &shared[row * row_elements]);
  for (int i = 0; i < count; ++i) registers[threadIdx.x * count + i] = mine[i];
}

/// Copies two tiles of 32 numbers each asynchronously, a group each, and takes sums; `correct`
/// waits for the second group before it reads it.
template <bool correct>
__global__ void sum_tiles(const float* tiles, float* sums) {
  __shared__ float shared[2][32];
  for (int tile = 0; tile < 2; ++tile) {
    copy_async<4>(&shared[tile][threadIdx.x], &tiles[tile * 32 + threadIdx.x], 4);
    commit();
  }
  wait<1>();
  __syncthreads();
  float sum = shared[0][31 - threadIdx.x];
  if (correct) {
    wait<0>();
    __syncthreads();
  }
  sum += shared[1][31 - threadIdx.x];
  sums[threadIdx.x] = sum;
}

/// Copies of each size; what the source does not give is zero.
template <int bytes>
__global__ void copy_part(const unsigned char* from, unsigned char* to, unsigned source_bytes) {
  __shared__ __align__(16) unsigned char shared[bytes];
  copy_async<bytes>(shared, from, source_bytes);
  commit();
  wait<0>();
  for (int i = 0; i < bytes; ++i) to[i] = shared[i];
}

/// Reads shared memory with a stride between the lanes, in elements of T.
template <class T, int elements>
__global__ void read_strided(T* out, int stride, int active) {
  __shared__ __align__(16) T shared[elements];
  shared[threadIdx.x] = T{};
  __syncthreads();
  if (static_cast<int>(threadIdx.x) < active)
    out[threadIdx.x] = load_shared(&shared[static_cast<int>(threadIdx.x) * stride]);
}

}  // namespace

#pragma once
#include <cuda_runtime.h>
#ifdef PIXELGRAD_CUDA_EMULATED
#include <emulator/bank_conflicts.h>
#endif

#include "tensor/cuda/conv2d_loads.h"

namespace pixelgrad::cuda {

/// The shared memory that the launch asked for, aligned to 128 bytes.
__device__ inline void* dynamic_shared() {
#ifdef PIXELGRAD_CUDA_EMULATED
  return emulator::dynamic_shared();
#else
  extern __shared__ __align__(128) unsigned char bytes[];
  return bytes;
#endif
}

/// In front of a load or store of shared memory by all lanes of a warp: the emulator counts how
/// often they meet in a bank. Always inlined there, so that each place counts for itself.
template <int bytes>
__device__ __forceinline__ void count_conflicts([[maybe_unused]] const void* shared) {
#ifdef PIXELGRAD_CUDA_EMULATED
  emulator::record_shared_access(shared, bytes);
#endif
}

/// load_pack and store_pack for shared memory.
template <int V, class T>
__device__ __forceinline__ Pack<T, V> load_shared(const T* from) {
  constexpr int bytes = static_cast<int>(sizeof(Pack<T, V>));
  if constexpr (bytes <= 16) count_conflicts<bytes>(from);
  return load_pack<V>(from);
}
template <class T, int V>
__device__ __forceinline__ void store_shared(T* to, const Pack<T, V>& pack) {
  constexpr int bytes = static_cast<int>(sizeof(Pack<T, V>));
  if constexpr (bytes <= 16) count_conflicts<bytes>(to);
  store_pack(to, pack);
}

}  // namespace pixelgrad::cuda

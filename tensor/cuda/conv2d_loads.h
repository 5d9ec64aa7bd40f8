#pragma once
#include <cuda_runtime.h>

// How the threads of a block share the loading of a slice of an operand: of a matrix [k, extent]
// that has Tile::depth k, and is read from global memory V values at a time, along the axis in
// which they are neighbours. at(i) is the row (or column) of this thread's i-th load, k() its k.
/// In front of loops over arrays that are to lie in registers.
#ifdef __CUDACC__
#define PIXELGRAD_UNROLL _Pragma("unroll")
#define PIXELGRAD_UNROLL_LOADS _Pragma("unroll Tile::unrolled_loads")
#define PIXELGRAD_UNROLL_STEPS _Pragma("unroll unrolled_steps")
#else
#define PIXELGRAD_UNROLL
#define PIXELGRAD_UNROLL_LOADS
#define PIXELGRAD_UNROLL_STEPS
#endif

namespace pixelgrad::cuda {

/// V values that are loaded or stored at once.
template <class T, int V>
struct alignas(V * sizeof(T)) Pack {
  T v[V];
};

/// Those at `from`, which must lie at a multiple of the pack's size.
template <int V, class T>
__device__ inline Pack<T, V> load_pack(const T* from) {
  return *reinterpret_cast<const Pack<T, V>*>(from);
}
template <class T, int V>
__device__ inline void store_pack(T* to, const Pack<T, V>& pack) {
  *reinterpret_cast<Pack<T, V>*>(to) = pack;
}

/// Neighbours along k: each load has the V values from k() on of one row.
template <class Tile, int V, int Extent>
struct AlongDepth {
  static constexpr bool along_depth = true;
  static constexpr int vector = V, extent = Extent;
  static constexpr int threads_a_row = Tile::depth / V;
  static constexpr int step = Tile::threads / threads_a_row;
  static constexpr int count = (Extent + step - 1) / step;
  __device__ static int k() { return static_cast<int>(threadIdx.x) % threads_a_row * V; }
  __device__ static int at(int i) {
    return static_cast<int>(threadIdx.x) / threads_a_row + i * step;
  }
  /// Whether there is anything to load: with many threads some have less to do.
  __device__ static bool has(int i) { return Extent % step == 0 || at(i) < Extent; }
};

/// Neighbours along the rows: each load has the V rows from at(i) on for a single k.
template <class Tile, int V, int Extent>
struct AcrossDepth {
  static constexpr bool along_depth = false;
  static constexpr int vector = V, extent = Extent;
  static constexpr int threads_a_k = Tile::threads / Tile::depth;
  static constexpr int step = threads_a_k * V;
  static constexpr int count = (Extent + step - 1) / step;
  __device__ static int k() { return static_cast<int>(threadIdx.x) / threads_a_k; }
  __device__ static int at(int i) {
    return static_cast<int>(threadIdx.x) % threads_a_k * V + i * step;
  }
  __device__ static bool has(int i) { return Extent % step == 0 || at(i) < Extent; }
};

}  // namespace pixelgrad::cuda

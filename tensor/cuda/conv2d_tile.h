#pragma once
#include <cuda_runtime.h>

// The product of two matrices, which every convolution comes down to, one tile of it a block:
//
//     sums[row, column] = sum over k of a[k, row] * b[k, column]
//
// No matrix stands in memory. `Operands` say which pixels and weights they consist of, and bring
// them to shared memory in slices of a few k. There are two slices: while the threads multiply
// one, the values of the next are on their way from memory.
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

/// How the threads of a block share a tile. The 32 lanes of a warp stand in 4 rows and 8 columns,
/// and each has RowSquares x ColumnSquares squares of 4 x 4 sums: for each k it reads 4 *
/// (RowSquares + ColumnSquares) values and multiplies 16 * RowSquares * ColumnSquares times.
template <int WarpRows, int WarpColumns, int RowSquares, int ColumnSquares>
struct Tile {
  static constexpr int depth = 8;  ///< k of a slice
  static constexpr int rows = WarpRows * 16 * RowSquares;
  static constexpr int columns = WarpColumns * 32 * ColumnSquares;
  static constexpr int threads = 32 * WarpRows * WarpColumns;
  static constexpr int lane_rows = 4 * RowSquares, lane_columns = 4 * ColumnSquares;

  /// The row of this thread's sum [i, j], and its column.
  __device__ static int row(int i) {
    const int thread = static_cast<int>(threadIdx.x), warp = thread / 32 / WarpColumns;
    return (warp * RowSquares + i / 4) * 16 + thread % 32 / 8 * 4 + i % 4;
  }
  __device__ static int column(int j) {
    const int thread = static_cast<int>(threadIdx.x), warp = thread / 32 % WarpColumns;
    return (warp * ColumnSquares + j / 4) * 32 + thread % 8 * 4 + j % 4;
  }
};

/// A slice of each operand, twice. The 4 values beyond a row put the rows that a warp writes at
/// once into different banks.
template <class T, class Tile>
struct Slices {
  alignas(4 * sizeof(T)) T a[2][Tile::depth][Tile::rows + 4];
  alignas(4 * sizeof(T)) T b[2][Tile::depth][Tile::columns + 4];
};

/// Adds the products of slice `s` to this thread's sums.
template <class T, class Tile>
__device__ inline void multiply_slice(const Slices<T, Tile>& shared, int s,
                                      T (&sums)[Tile::lane_rows][Tile::lane_columns]) {
#pragma unroll
  for (int k = 0; k < Tile::depth; ++k) {
    T a[Tile::lane_rows], b[Tile::lane_columns];
#pragma unroll
    for (int i = 0; i < Tile::lane_rows; i += 4) {
      const auto four = load_pack<4>(&shared.a[s][k][Tile::row(i)]);
      for (int v = 0; v < 4; ++v) a[i + v] = four.v[v];
    }
#pragma unroll
    for (int j = 0; j < Tile::lane_columns; j += 4) {
      const auto four = load_pack<4>(&shared.b[s][k][Tile::column(j)]);
      for (int v = 0; v < 4; ++v) b[j + v] = four.v[v];
    }
#pragma unroll
    for (int i = 0; i < Tile::lane_rows; ++i)
#pragma unroll
      for (int j = 0; j < Tile::lane_columns; ++j) sums[i][j] += a[i] * b[j];
  }
}

/// This thread's sums over `slices` slices. Operands have load(Loaded&), which reads this thread's
/// share of a slice, store(loaded, a, b), which puts it into shared memory, and advance(), which
/// goes to the next slice. Called by all threads of the block.
template <class T, class Tile, class Operands>
__device__ inline void multiply(Operands& operands, int slices, Slices<T, Tile>& shared,
                                T (&sums)[Tile::lane_rows][Tile::lane_columns]) {
#pragma unroll
  for (int i = 0; i < Tile::lane_rows; ++i)
#pragma unroll
    for (int j = 0; j < Tile::lane_columns; ++j) sums[i][j] = 0;
  if (slices <= 0) return;
  typename Operands::Loaded loaded;
  operands.load(loaded);
  operands.store(loaded, shared.a[0], shared.b[0]);
  __syncthreads();
  for (int s = 0; s < slices; ++s) {
    const bool more = s + 1 < slices;
    if (more) {
      operands.advance();
      operands.load(loaded);
    }
    multiply_slice<T, Tile>(shared, s % 2, sums);
    if (more) operands.store(loaded, shared.a[(s + 1) % 2], shared.b[(s + 1) % 2]);
    __syncthreads();
  }
}

// How the threads of a block share the loading of a slice [depth, Extent] of an operand, V values
// at a time. Global memory is read along the axis in which values are neighbours.

/// Neighbours along k. Thread t has the V values from k() on of the rows (or columns) at(0), at(1),
/// ... It stores them to V different rows of shared memory.
template <class Tile, int V, int Extent>
struct AlongDepth {
  static constexpr int threads_a_row = Tile::depth / V;
  static constexpr int step = Tile::threads / threads_a_row;
  static constexpr int count = (Extent + step - 1) / step;
  __device__ static int k() { return static_cast<int>(threadIdx.x) % threads_a_row * V; }
  __device__ static int at(int i) {
    return static_cast<int>(threadIdx.x) / threads_a_row + i * step;
  }
  template <class T, int N>
  __device__ static void store(const Pack<T, V> (&loaded)[count], T (&to)[Tile::depth][N]) {
#pragma unroll
    for (int i = 0; i < count; ++i)
      if (Extent % step == 0 || at(i) < Extent)
        for (int v = 0; v < V; ++v) to[k() + v][at(i)] = loaded[i].v[v];
  }
};

/// Neighbours along the rows (or columns). Thread t has the V values from at(0) on, those from
/// at(1) on, ... of a single k().
template <class Tile, int V, int Extent>
struct AcrossDepth {
  static constexpr int threads_a_k = Tile::threads / Tile::depth;
  static constexpr int step = threads_a_k * V;
  static constexpr int count = (Extent + step - 1) / step;
  __device__ static int k() { return static_cast<int>(threadIdx.x) / threads_a_k; }
  __device__ static int at(int i) {
    return static_cast<int>(threadIdx.x) % threads_a_k * V + i * step;
  }
  template <class T, int N>
  __device__ static void store(const Pack<T, V> (&loaded)[count], T (&to)[Tile::depth][N]) {
#pragma unroll
    for (int i = 0; i < count; ++i)
      if (Extent % step == 0 || at(i) < Extent) store_pack(&to[k()][at(i)], loaded[i]);
  }
};

}  // namespace pixelgrad::cuda

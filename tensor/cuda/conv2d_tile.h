#pragma once
#include "tensor/cuda/conv2d_loads.h"
#include "tensor/cuda/launch.h"
#include "tensor/cuda/shared_memory.h"
#include "tensor/kernels/conv2d.h"

// The product of two matrices, which every convolution comes down to, one tile of it a block:
//
//     sums[row, column] = sum over k of a[k, row] * b[k, column]
//
// No matrix stands in memory. `Operands` say which pixels and weights they consist of:
// for_each_a(f) calls f(i, address) for this thread's loads of a slice, as A, one of
// conv2d_loads.h, numbers them; the address is null for zeros. So does for_each_b. advance() goes
// to the next slice.
namespace pixelgrad::cuda {

/// A tile whose threads multiply and add. The 32 lanes of a warp stand in 4 rows and 8 columns, and
/// each has RowSquares x ColumnSquares squares of 4 x 4 sums: for each k it reads 4 * (RowSquares +
/// ColumnSquares) values and multiplies 16 * RowSquares * ColumnSquares times.
template <class T, int WarpRows, int WarpColumns, int RowSquares, int ColumnSquares>
struct FmaTile {
  using Value = T;
  static constexpr int depth = 8;  ///< k of a slice
  static constexpr int rows = WarpRows * 16 * RowSquares;
  static constexpr int columns = WarpColumns * 32 * ColumnSquares;
  static constexpr int threads = 32 * WarpRows * WarpColumns;
  static constexpr int blocks_at_once = 512 / threads;  ///< on one multiprocessor, at least
  static constexpr int lane_rows = 4 * RowSquares, lane_columns = 4 * ColumnSquares;
  static constexpr int row_neighbours = 4, column_neighbours = 4;
  static constexpr int unrolled_loads = 16;  ///< all, for they go to registers
  using Sums = T[lane_rows][lane_columns];

  /// The row of this thread's sum [i, j], and its column.
  __device__ static int row(int i) {
    const int thread = static_cast<int>(threadIdx.x), warp = thread / 32 / WarpColumns;
    return (warp * RowSquares + i / 4) * 16 + thread % 32 / 8 * 4 + i % 4;
  }
  __device__ static int column(int j) {
    const int thread = static_cast<int>(threadIdx.x), warp = thread / 32 % WarpColumns;
    return (warp * ColumnSquares + j / 4) * 32 + thread % 8 * 4 + j % 4;
  }

  /// There are two slices: while the threads multiply one, the values of the next are on their way
  /// from memory to registers. The 4 values beyond a row put what a warp writes at once into
  /// different banks.
  struct Shared {
    alignas(4 * sizeof(T)) T a[2][depth][rows + 4];
    alignas(4 * sizeof(T)) T b[2][depth][columns + 4];
  };
  template <class Operands>
  static constexpr size_t shared_bytes = sizeof(Shared);

  /// This thread's sums over `slices` slices. Called by all threads of the block.
  template <class Operands>
  __device__ static void multiply(Operands& operands, int slices, Sums& sums) {
    PIXELGRAD_UNROLL
    for (int i = 0; i < lane_rows; ++i) {
      PIXELGRAD_UNROLL
      for (int j = 0; j < lane_columns; ++j) sums[i][j] = 0;
    }
    if (slices <= 0) return;
    Shared& shared = *static_cast<Shared*>(dynamic_shared());
    Loaded<Operands> loaded;
    load(operands, loaded);
    store<typename Operands::A>(loaded.a, shared.a[0]);
    store<typename Operands::B>(loaded.b, shared.b[0]);
    __syncthreads();
    for (int s = 0; s < slices; ++s) {
      const bool more = s + 1 < slices;
      if (more) {
        operands.advance();
        load(operands, loaded);
      }
      multiply_slice(shared, s % 2, sums);
      if (more) {
        store<typename Operands::A>(loaded.a, shared.a[(s + 1) % 2]);
        store<typename Operands::B>(loaded.b, shared.b[(s + 1) % 2]);
      }
      __syncthreads();
    }
  }

 private:
  template <class Operands>
  struct Loaded {
    Pack<T, Operands::A::vector> a[Operands::A::count];
    Pack<T, Operands::B::vector> b[Operands::B::count];
  };

  template <class Operands>
  __device__ static void load(const Operands& operands, Loaded<Operands>& loaded) {
    operands.for_each_a([&](int i, const T* from) {
      loaded.a[i] = {};
      if (from) loaded.a[i] = load_pack<Operands::A::vector>(from);
    });
    operands.for_each_b([&](int i, const T* from) {
      loaded.b[i] = {};
      if (from) loaded.b[i] = load_pack<Operands::B::vector>(from);
    });
  }

  template <class Loads, int Padded>
  __device__ static void store(const Pack<T, Loads::vector> (&loaded)[Loads::count],
                               T (&to)[depth][Padded]) {
    PIXELGRAD_UNROLL
    for (int i = 0; i < Loads::count; ++i) {
      if (!Loads::has(i)) continue;
      if constexpr (Loads::along_depth)
        for (int v = 0; v < Loads::vector; ++v)
          store_shared(&to[Loads::k() + v][Loads::at(i)], Pack<T, 1>{loaded[i].v[v]});
      else
        store_shared(&to[Loads::k()][Loads::at(i)], loaded[i]);
    }
  }

  __device__ static void multiply_slice(const Shared& shared, int s, Sums& sums) {
    PIXELGRAD_UNROLL
    for (int k = 0; k < depth; ++k) {
      T a[lane_rows], b[lane_columns];
      PIXELGRAD_UNROLL
      for (int i = 0; i < lane_rows; i += 4) {
        const auto four = load_shared<4>(&shared.a[s][k][row(i)]);
        for (int v = 0; v < 4; ++v) a[i + v] = four.v[v];
      }
      PIXELGRAD_UNROLL
      for (int j = 0; j < lane_columns; j += 4) {
        const auto four = load_shared<4>(&shared.b[s][k][column(j)]);
        for (int v = 0; v < 4; ++v) b[j + v] = four.v[v];
      }
      PIXELGRAD_UNROLL
      for (int i = 0; i < lane_rows; ++i) {
        PIXELGRAD_UNROLL
        for (int j = 0; j < lane_columns; ++j) sums[i][j] += a[i] * b[j];
      }
    }
  }
};

/// The tiles for sums of up to 32, of up to 64 and of more columns, with multiplicands as they are.
template <kernels::Precision P, class T>
struct Tiles {
  using Narrow = FmaTile<T, 4, 1, 2, 1>;  // 128 x 32
  using Middle = FmaTile<T, 4, 1, 2, 2>;  // 128 x 64
  using Wide = FmaTile<T, 4, 2, 2, 2>;    // 128 x 128
};
template <kernels::Precision P>
struct Tiles<P, double> {
  using Narrow = FmaTile<double, 4, 2, 1, 1>;  // 64 x 64: a sum takes two registers
  using Middle = Narrow;
  using Wide = Narrow;
};

/// Calls f.operator()<Tile>() for the tile that suits so many columns.
template <kernels::Precision P, class T, class F>
void with_tile(int64_t columns, const F& f) {
  if (columns <= 32)
    f.template operator()<typename Tiles<P, T>::Narrow>();
  else if (columns <= 64)
    f.template operator()<typename Tiles<P, T>::Middle>();
  else
    f.template operator()<typename Tiles<P, T>::Wide>();
}

/// Starts a kernel in blocks of a tile's threads with a tile's shared memory.
template <class Tile, class Operands, class Task>
void launch_tiles(const char* op, int64_t tiles, void (*kernel)(Task), const Task& task) {
  check(tiles <= INT32_MAX, "[", op, "] ", tiles, " tiles are too many for one launch");
  constexpr size_t bytes = Tile::template shared_bytes<Operands>;
  // More than this a kernel must ask for.
  if constexpr (bytes > 48 * 1024)
    check_status(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      static_cast<int>(bytes)),
                 op);
  launch(op, {dim3(static_cast<unsigned>(tiles)), dim3(Tile::threads), bytes}, kernel, task);
}

}  // namespace pixelgrad::cuda

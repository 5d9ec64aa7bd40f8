#pragma once
#include <type_traits>

#include "tensor/cuda/conv2d_tile.h"
#include "tensor/cuda/tensor_core.h"

namespace pixelgrad::cuda {

/// A tile of float sums of products by tensor cores, whose multiplicands are floats that are
/// rounded to P, or T = bf16, multiplied as they are. A warp has RowBlocks x ColumnBlocks blocks of
/// 16 x 8 sums.
///
/// Slices are copied to shared memory in the background, two ahead of the one that is multiplied.
/// They stay as they are in global memory:
///
///  - with neighbours along k as [row][k]. A row is 128 bytes, all banks, so that the 8 rows of a
///    matrix would meet in the same 4. Therefore the 8 packs of 16 bytes of row r lie at places
///    pack ^ (r % 8);
///  - with neighbours across as [k][row], 8 values beyond a row. Of floats, lane (g, t) reads row g
///    of k = t, from bank 8 t + g. Of bf16, the 16 bytes that lane l of 8 reads for k = l lie 4,
///    12, 20 or 28 banks (modulo 32) from one k to the next, and so in 4 banks of their own.
template <kernels::Precision P, class T, int WarpRows, int WarpColumns, int RowBlocks,
          int ColumnBlocks>
struct TensorCoreTile {
  using Value = T;
  static constexpr int depth = 128 / sizeof(T);
  static constexpr int rows = WarpRows * 16 * RowBlocks;
  static constexpr int columns = WarpColumns * 8 * ColumnBlocks;
  static constexpr int threads = 32 * WarpRows * WarpColumns;
  static constexpr int blocks_at_once = threads == 256 ? 2 : 3;
  static constexpr int lane_rows = 2 * RowBlocks, lane_columns = 2 * ColumnBlocks;
  static constexpr int row_neighbours = 1, column_neighbours = 2;
  static constexpr int unrolled_loads = 4;  ///< more would keep too many addresses in registers
  using Sums = float[lane_rows][lane_columns];

  /// The row of this thread's sum [i, j], and its column.
  __device__ static int row(int i) { return first_row() + 8 * i + lane() / 4; }
  __device__ static int column(int j) {
    return first_column() + j / 2 * 8 + lane() % 4 * 2 + j % 2;
  }

  static constexpr int stages = 3;
  template <class Loads>
  static constexpr int size = Loads::along_depth ? Loads::extent* depth : depth*(Loads::extent + 8);
  template <class Operands>
  static constexpr size_t shared_bytes = stages*(size<typename Operands::A> +
                                                 size<typename Operands::B>)*sizeof(T);

  /// This thread's sums over `slices` slices. Called by all threads of the block.
  template <class Operands>
  __device__ static void multiply(Operands& operands, int slices, Sums& sums) {
    // conv2d.cu asks for this tile where the GPU has tensor cores only.
    if constexpr (has_tensor_cores) multiply_slices(operands, slices, sums);
  }

 private:
  template <class Operands>
  __device__ static void multiply_slices(Operands& operands, int slices, Sums& sums) {
    PIXELGRAD_UNROLL
    for (int i = 0; i < lane_rows; ++i) {
      PIXELGRAD_UNROLL
      for (int j = 0; j < lane_columns; ++j) sums[i][j] = 0;
    }
    using A = typename Operands::A;
    using B = typename Operands::B;
    auto* shared = static_cast<T*>(dynamic_shared());
    const auto stage = [&](int s) { return shared + s % stages * (size<A> + size<B>); };
    const auto copy_slice = [&](int s) {
      if (s < slices) {
        copy(operands, stage(s));
        operands.advance();
      }
      end_copy_group();  // an empty one in the end, so that waiting counts right
    };
    for (int s = 0; s < stages - 1; ++s) copy_slice(s);
    for (int s = 0; s < slices; ++s) {
      wait_for_copies<stages - 2>();
      // Now all threads' copies of slice s are there, and all threads are done with slice s - 1,
      // whose place the next copies take.
      __syncthreads();
      copy_slice(s + stages - 1);
      multiply_slice<A, B>(stage(s), stage(s) + size<A>, sums);
    }
  }

  static constexpr bool stored_rounded = std::is_same_v<T, bf16>;
  static constexpr bool by_bf16 = P == kernels::Precision::bf16;
  static_assert(by_bf16 || !stored_rounded);
  static constexpr int step = by_bf16 ? 16 : 8;  // k that are multiplied at once
  // More at once would need more registers than there are.
  static constexpr int unrolled_steps = by_bf16 && !stored_rounded ? 1 : 2;

  __device__ static int lane() { return static_cast<int>(threadIdx.x) % 32; }
  __device__ static int first_row() {
    return static_cast<int>(threadIdx.x) / 32 / WarpColumns * (16 * RowBlocks);
  }
  __device__ static int first_column() {
    return static_cast<int>(threadIdx.x) / 32 % WarpColumns * (8 * ColumnBlocks);
  }

  /// Where value k of a row lies in a slice.
  template <class Loads>
  __device__ static int place(int row, int k) {
    constexpr int pack = 16 / sizeof(T);
    return Loads::along_depth ? row * depth + ((k / pack ^ row % 8) * pack + k % pack)
                              : k * (Loads::extent + 8) + row;
  }

  /// Copies V values, or zeros where there are none; `anything` is an address that may be read.
  template <int V>
  __device__ static void copy_values(T* to, const T* from, const T* anything) {
    constexpr int bytes = V * sizeof(T);
    if constexpr (bytes >= 4)
      copy_async<bytes>(to, from ? from : anything, from != nullptr);
    else  // there are no copies of so little in the background
      store_pack(to, from ? load_pack<V>(from) : Pack<T, V>{});
  }

  template <class Operands>
  __device__ static void copy(const Operands& operands, T* to) {
    using A = typename Operands::A;
    using B = typename Operands::B;
    operands.for_each_a([&](int i, const T* from) {
      copy_values<A::vector>(to + place<A>(A::at(i), A::k()), from, operands.anything());
    });
    operands.for_each_b([&](int i, const T* from) {
      copy_values<B::vector>(to + size<A> + place<B>(B::at(i), B::k()), from, operands.anything());
    });
  }

  /// The 16 rows from `row` on and the 8 k from `k` on, as multiply_tf32 wants them: r[0] rows
  /// 0..7 and k 0..3, r[1] rows 8..15 and k 0..3, r[2] rows 0..7 and k 4..7, r[3] rows 8..15 and
  /// k 4..7.
  template <class Loads>
  __device__ static void load_block(const float* slice, int row, int k, uint32_t (&r)[4]) {
    if constexpr (Loads::along_depth) {
      const int l = lane();
      load_matrices(slice + place<Loads>(row + l % 16, k + l / 16 * 4), r);
    } else {
      PIXELGRAD_UNROLL
      for (int i = 0; i < 4; ++i)
        r[i] = __float_as_uint(load_shared<1>(slice + place<Loads>(row + i % 2 * 8 + lane() / 4,
                                                                   k + i / 2 * 4 + lane() % 4))
                                   .v[0]);
    }
  }

  /// 16 rows of one operand and `step` k, rounded, as a of the multiplications has them. The order
  /// of the k is free as long as both operands have the same: where floats are rounded to bfloat16,
  /// a register packs k and k + 4, which one lane has loaded.
  template <class Loads>
  __device__ static void load_rounded(const T* slice, int row, int k, uint32_t (&r)[4]) {
    if constexpr (stored_rounded) {
      const int l = lane();
      if constexpr (Loads::along_depth)
        load_matrices(slice + place<Loads>(row + l % 16, k + l / 16 * 8), r);
      else
        load_transposed(slice + place<Loads>(row + l / 8 % 2 * 8, k + l / 16 * 8 + l % 8), r);
    } else {
      round_floats<Loads>(slice, row, k, r);
    }
  }

  template <class Loads>
  __device__ static void round_floats(const float* slice, int row, int k, uint32_t (&r)[4]) {
    uint32_t first[4];
    load_block<Loads>(slice, row, k, first);
    if constexpr (by_bf16) {
      uint32_t second[4];
      load_block<Loads>(slice, row, k + 8, second);
      PIXELGRAD_UNROLL
      for (int i = 0; i < 2; ++i) {
        r[i] = to_bf16(first[i], first[i + 2]);
        r[i + 2] = to_bf16(second[i], second[i + 2]);
      }
    } else {
      PIXELGRAD_UNROLL
      for (int i = 0; i < 4; ++i) r[i] = to_tf32(first[i]);
    }
  }

  template <class A, class B>
  __device__ static void multiply_slice(const T* slice_a, const T* slice_b, Sums& sums) {
    static_assert(ColumnBlocks % 2 == 0);
    PIXELGRAD_UNROLL_STEPS
    for (int k = 0; k < depth; k += step) {
      uint32_t b[ColumnBlocks][2];
      PIXELGRAD_UNROLL
      for (int j = 0; j < ColumnBlocks; j += 2) {
        uint32_t two[4];  // 16 columns: of the first 8 registers 0 and 2, of the others 1 and 3
        load_rounded<B>(slice_b, first_column() + 8 * j, k, two);
        b[j][0] = two[0];
        b[j][1] = two[2];
        b[j + 1][0] = two[1];
        b[j + 1][1] = two[3];
      }
      PIXELGRAD_UNROLL
      for (int i = 0; i < RowBlocks; ++i) {
        uint32_t a[4];
        load_rounded<A>(slice_a, first_row() + 16 * i, k, a);
        PIXELGRAD_UNROLL
        for (int j = 0; j < ColumnBlocks; ++j) {
          float *upper = &sums[2 * i][2 * j], *lower = &sums[2 * i + 1][2 * j];
          if constexpr (by_bf16)
            multiply_bf16(a, b[j], upper, lower);
          else
            multiply_tf32(a, b[j], upper, lower);
        }
      }
    }
  }
};

template <kernels::Precision P>
requires(P != kernels::Precision::f32) struct Tiles<P, float> {
  using Narrow = TensorCoreTile<P, float, 4, 1, 2, 4>;  // 128 x 32
  using Middle = TensorCoreTile<P, float, 4, 2, 2, 4>;  // 128 x 64
  using Wide = TensorCoreTile<P, float, 2, 4, 4, 4>;    // 128 x 128
};
template <>
struct Tiles<kernels::Precision::bf16, bf16> {
  using Narrow = TensorCoreTile<kernels::Precision::bf16, bf16, 4, 1, 2, 4>;
  using Middle = TensorCoreTile<kernels::Precision::bf16, bf16, 4, 2, 2, 4>;
  using Wide = TensorCoreTile<kernels::Precision::bf16, bf16, 2, 4, 4, 4>;
};

}  // namespace pixelgrad::cuda

#pragma once
#include <cstdint>

#include "tensor/cuda/launch.h"

// Work on the rows of [rows, columns], such as the classes of pixels: a row belongs to a few
// neighbouring threads of a warp, which together read memory in order and hold the row in
// registers.
namespace pixelgrad::cuda {

/// The threads of a row: `lanes` of them, a power of 2 up to 32, of which each works on every
/// lanes-th value and has registers for `values`; 0: for none, rows may have any length. Threads
/// beyond the last row form teams, too, for all threads of a warp take part in its sums.
template <int lanes, int values>
class RowTeam {
 public:
  /// Whether a row is read once.
  static constexpr bool in_registers = values > 0;
  static constexpr int registers = in_registers ? values : 1;
  /// A block works on that many rows, in `rounds` of as many as it has teams.
  static constexpr int rounds = 4, teams = block_threads / lanes, rows_a_block = rounds * teams;

  __device__ explicit RowTeam(int64_t columns) : columns_(columns) {}

  /// The row of this thread's team in a round; may lie beyond the last one.
  __device__ static int64_t row(int round) {
    return (static_cast<int64_t>(blockIdx.x) * rounds + round) * teams + threadIdx.x / lanes;
  }

  /// Whether this thread is the one that speaks for its team.
  __device__ static bool first() { return lane() == 0; }

  /// Calls f(i, k) for this thread's columns k; i is the register to hold its value.
  template <class F>
  __device__ void for_each(const F& f) const {
    if constexpr (in_registers) {
      // Unrolled, for registers have no addresses.
#ifdef __CUDACC__
#pragma unroll
#endif
      for (int i = 0; i < values; ++i) {
        const int k = i * lanes + lane();
        if (k >= static_cast<int>(columns_)) break;
        f(i, k);
      }
    } else {
      for (int64_t k = lane(); k < columns_; k += lanes) f(0, k);
    }
  }

  /// The sum of the team's values, the same bits in all its threads.
  template <class V>
  __device__ static V sum(V mine) {
    for (int step = lanes / 2; step > 0; step /= 2)
      mine += __shfl_xor_sync(0xFFFFFFFFu, mine, step);
    return mine;
  }
  template <class V>
  __device__ static V largest(V mine) {
    for (int step = lanes / 2; step > 0; step /= 2) {
      const V other = __shfl_xor_sync(0xFFFFFFFFu, mine, step);
      mine = other > mine ? other : mine;
    }
    return mine;
  }

 private:
  __device__ static int lane() { return static_cast<int>(threadIdx.x) % lanes; }

  int64_t columns_;
};

/// This thread's values of a row.
template <class Team, class T>
class RowValues {
 public:
  __device__ RowValues(const Team& team, const T* row) : row_(row) {
    if constexpr (Team::in_registers) team.for_each([&](int i, int64_t k) { value_[i] = row[k]; });
  }
  /// With the arguments that Team::for_each gives.
  __device__ T operator()(int i, int64_t k) const {
    if constexpr (Team::in_registers)
      return value_[i];
    else
      return row_[k];
  }

 private:
  const T* row_;
  T value_[Team::registers];
};

/// Blocks for `rows` rows, at least 1.
template <class Team>
LaunchShape team_for_each(int64_t rows) {
  const int64_t blocks = (rows + Team::rows_a_block - 1) / Team::rows_a_block;
  check(blocks <= INT32_MAX, "[cuda] ", rows, " rows are too many for one launch");
  return {.blocks = dim3(static_cast<unsigned>(blocks)), .threads = dim3(block_threads)};
}

/// Calls f.template operator()<Team>() with the kind of team for rows of that many columns.
template <class F>
void with_row_team(int64_t columns, const F& f) {
  if (columns <= 4) return f.template operator()<RowTeam<1, 4>>();
  if (columns <= 32) return f.template operator()<RowTeam<4, 8>>();
  if (columns <= 64) return f.template operator()<RowTeam<8, 8>>();
  if (columns <= 256) return f.template operator()<RowTeam<32, 8>>();
  if (columns <= 1024) return f.template operator()<RowTeam<32, 32>>();
  return f.template operator()<RowTeam<32, 0>>();
}

}  // namespace pixelgrad::cuda

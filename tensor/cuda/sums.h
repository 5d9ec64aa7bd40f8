#pragma once
#include <algorithm>
#include <cstdint>

#include "tensor/cuda/launch.h"
#include "tensor/cuda/scratch.h"

// Sums over the middle of [outer, reduced, inner], K at a time, in f64 and in an order that depends
// on the sizes alone: no atomics, so every run gives the same bits. Sums over channels-last pixels
// are [1, pixels, channels], sums over rows [rows, classes, 1].
//
// A block adds up to rows_a_part rows of up to 32 columns. Where there are more rows, the sums of
// the parts are summed by the same kernel, as often as it takes.
namespace pixelgrad::cuda {

struct SumShape {
  int64_t outer = 1, reduced = 1, inner = 1;
};

/// How a SumShape is cut into blocks.
struct SumCut {
  static constexpr int64_t rows_a_part = 2048;
  int64_t parts, column_blocks;
  int columns;  ///< of a block: a power of 2

  explicit SumCut(const SumShape& s)
      : parts(std::max<int64_t>(1, (s.reduced + rows_a_part - 1) / rows_a_part)), columns(1) {
    while (columns < 32 && columns < s.inner) columns *= 2;
    column_blocks = (s.inner + columns - 1) / columns;
  }
};

/// K sums of one place, as a kernel holds them.
template <int K>
struct Sums {
  double value[K] = {};
};

/// The sums of parts, [outer, parts, inner], as terms of the next sum.
template <int K>
struct PartialSums {
  const Sums<K>* partial;
  SumShape shape;
  __device__ void operator()(int64_t outer, int64_t row, int64_t column, Sums<K>& sums) const {
    const Sums<K>& part = partial[(outer * shape.reduced + row) * shape.inner + column];
    for (int k = 0; k < K; ++k) sums.value[k] += part.value[k];
  }
};

/// `partial` is null in the last round, in which `finish` takes the sums.
template <int K, class Term, class Finish>
__global__ void sum_kernel(SumShape shape, SumCut cut, Term term, Finish finish, Sums<K>* partial) {
  __shared__ Sums<K> shared[block_threads];
  const int thread = static_cast<int>(threadIdx.x);
  const int lane = thread % cut.columns, first = thread / cut.columns;
  const int rows_at_once = block_threads / cut.columns;
  const int64_t block = blockIdx.x;
  const int64_t part = block / cut.column_blocks % cut.parts;
  const int64_t outer = block / cut.column_blocks / cut.parts;
  const int64_t column = block % cut.column_blocks * cut.columns + lane;
  const int64_t begin = part * SumCut::rows_a_part;
  const int64_t end =
      begin + SumCut::rows_a_part < shape.reduced ? begin + SumCut::rows_a_part : shape.reduced;
  Sums<K> sums;
  if (column < shape.inner)
    for (int64_t row = begin + first; row < end; row += rows_at_once)
      term(outer, row, column, sums);
  shared[thread] = sums;
  __syncthreads();
  for (int half = rows_at_once / 2; half > 0; half /= 2) {
    if (first < half)
      for (int k = 0; k < K; ++k)
        shared[thread].value[k] += shared[thread + half * cut.columns].value[k];
    __syncthreads();
  }
  if (first > 0 || column >= shape.inner) return;
  if (partial)
    partial[(outer * cut.parts + part) * shape.inner + column] = shared[thread];
  else
    finish(outer, column, shared[thread]);
}

/// For each outer and column adds up what term(outer, row, column, Sums<K>&) adds for each row, and
/// calls finish(outer, column, const Sums<K>&) with the result. Both are device functions of a
/// struct that is copied to the device, and called once for each place: they may write, too.
template <int K, class Term, class Finish>
void sum(const char* op, const SumShape& shape, const Term& term, const Finish& finish) {
  if (shape.outer == 0 || shape.inner == 0) return;
  const SumCut cut(shape);
  const int64_t blocks = shape.outer * cut.parts * cut.column_blocks;
  check(blocks <= INT32_MAX, "[", op, "] a sum over ", shape.outer, " x ", shape.reduced, " x ",
        shape.inner, " values is too large for one launch");
  const LaunchShape launch_shape{dim3(static_cast<unsigned>(blocks)), dim3(block_threads)};
  if (cut.parts == 1) {
    launch(op, launch_shape, sum_kernel<K, Term, Finish>, shape, cut, term, finish, nullptr);
    return;
  }
  Scratch<Sums<K>> partial(shape.outer * cut.parts * shape.inner);
  launch(op, launch_shape, sum_kernel<K, Term, Finish>, shape, cut, term, finish, partial.data());
  const SumShape rest{shape.outer, cut.parts, shape.inner};
  sum<K>(op, rest, PartialSums<K>{partial.data(), rest}, finish);
}

}  // namespace pixelgrad::cuda

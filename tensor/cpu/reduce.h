#pragma once
#include <algorithm>
#include <cstdint>

#include "tensor/kernels/reduce.h"
#include "tensor/mutant_internal.h"
#include "tensor/parallel.h"

// How sums and maxima over axes are cut into pieces. See for_each_reduced_group.
namespace pixelgrad::kernels {

/// How a group is cut into units by its sizes alone: the columns into blocks that fit a buffer, the
/// rows into parts whose results are merged in their order.
struct ReductionCut {
  static constexpr int64_t grain = 1 << 15, max_columns = 1024;
  int64_t blocks, rows, parts, units_per_task;

  explicit ReductionCut(const ReducedGroup& g) {
    const int64_t columns = std::clamp<int64_t>(g.inner, 1, max_columns);
    blocks = (g.inner + max_columns - 1) / max_columns;
    rows = std::max<int64_t>(64, grain / columns);
    rows = PIXELGRAD_MUTANT(reduction_cut_by_threads, rows, 1 + g.reduced / num_threads());
    parts = std::max<int64_t>(1, (g.reduced + rows - 1) / rows);
    const int64_t unit = std::max<int64_t>(1, std::min(rows, g.reduced) * columns);
    units_per_task = std::max<int64_t>(1, grain / unit);
  }
};

/// A block of columns of a part of the rows of one outer index; where a group is cut no further
/// than that, of several outer indices.
struct ReductionUnit {
  int64_t outer, outers, part, first_row, rows, first_column, columns;
};

template <class F>
void for_each_reduction_unit(const ReducedGroup& g, const ReductionCut& cut, F f) {
  const int64_t units = g.outer * cut.parts * cut.blocks;
  parallel_range(units, cut.units_per_task, [&](int64_t begin, int64_t end) {
    if (cut.parts == 1 && cut.blocks == 1) {
      f(ReductionUnit{.outer = begin,
                      .outers = end - begin,
                      .part = 0,
                      .first_row = 0,
                      .rows = g.reduced,
                      .first_column = 0,
                      .columns = g.inner});
      return;
    }
    for (int64_t i = begin; i < end; ++i) {
      const int64_t block = i % cut.blocks, part = i / cut.blocks % cut.parts;
      const int64_t row = part * cut.rows, column = block * ReductionCut::max_columns;
      f(ReductionUnit{.outer = i / cut.blocks / cut.parts,
                      .outers = 1,
                      .part = part,
                      .first_row = row,
                      .rows = std::min(cut.rows, g.reduced - row),
                      .first_column = column,
                      .columns = std::min(ReductionCut::max_columns, g.inner - column)});
    }
  });
}

}  // namespace pixelgrad::kernels

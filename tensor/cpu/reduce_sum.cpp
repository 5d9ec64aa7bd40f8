#include <algorithm>
#include <memory>

#include "tensor/cpu/reduce.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/reduce_sum.cpp"
#include "tensor/cpu/simd.h"

#ifndef PIXELGRAD_TENSOR_CPU_REDUCE_SUM
#define PIXELGRAD_TENSOR_CPU_REDUCE_SUM
namespace pixelgrad::kernels {
/// What is compiled per SIMD target; each works on one thread.
template <class T>
struct SumTiles {
  void (*columns)(int64_t rows, int64_t columns, int64_t stride, const T* x, double* sums);
  void (*rows)(int64_t rows, int64_t columns, const T* x, double* sums);
};
}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {

/// The sum of each of `columns` columns of a matrix whose rows start `stride` values apart.
template <class T>
void column_sums(int64_t rows, int64_t columns, int64_t stride, const T* HWY_RESTRICT x,
                 double* HWY_RESTRICT sums) {
  constexpr int64_t most = 64;
  std::fill_n(sums, columns, 0.0);
  if (columns != stride || columns > most / 2) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) sums[c] += static_cast<double>(x[r * stride + c]);
    return;
  }
  // Several short rows side by side make one that fills the vectors; a column makes 64 partial
  // sums.
  const int64_t side_by_side = most / columns, width = side_by_side * columns;
  double wide[most] = {};
  int64_t i = 0;
  for (; i + width <= rows * columns; i += width)
    for (int64_t c = 0; c < width; ++c) wide[c] += static_cast<double>(x[i + c]);
  for (int64_t c = 0; i < rows * columns; ++i, ++c) wide[c] += static_cast<double>(x[i]);
  for (int64_t r = 0; r < side_by_side; ++r)
    for (int64_t c = 0; c < columns; ++c) sums[c] += wide[r * columns + c];
}

/// The sum of each of `rows` rows that follow one another.
template <class T>
void row_sums(int64_t rows, int64_t columns, const T* HWY_RESTRICT x, double* HWY_RESTRICT sums) {
  constexpr int64_t block = 8;  // short rows: sums that do not wait for each other
  int64_t r = 0;
  for (; columns < 64 && r + block <= rows; r += block) {
    double sum[block] = {};
    for (int64_t c = 0; c < columns; ++c)
      for (int64_t k = 0; k < block; ++k) sum[k] += static_cast<double>(x[(r + k) * columns + c]);
    std::copy_n(sum, block, sums + r);
  }
  for (; columns < 64 && r < rows; ++r) {
    sums[r] = 0;
    for (int64_t c = 0; c < columns; ++c) sums[r] += static_cast<double>(x[r * columns + c]);
  }
  for (; r < rows; ++r) column_sums(columns, 1, 1, x + r * columns, sums + r);
}

template <class T>
SumTiles<T> tiles() {
  return {.columns = column_sums<T>, .rows = row_sums<T>};
}
SumTiles<float> tiles_f32() { return tiles<float>(); }
SumTiles<double> tiles_f64() { return tiles<double>(); }

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {
HWY_EXPORT(tiles_f32);
HWY_EXPORT(tiles_f64);
template <class T>
SumTiles<T> best_tiles() {
  if constexpr (std::is_same_v<T, float>)
    return HWY_DYNAMIC_DISPATCH(tiles_f32)();
  else
    return HWY_DYNAMIC_DISPATCH(tiles_f64)();
}

template <class In, class Out>
void sum_group(const ReducedGroup& g, const In* x, double factor, Out* y) {
  const ReductionCut cut(g);
  const SumTiles<In> tiles = best_tiles<In>();
  const bool whole = cut.parts == 1;
  const auto partial =
      std::make_unique_for_overwrite<double[]>(whole ? 0 : g.outer * cut.parts * g.inner);
  for_each_reduction_unit(g, cut, [&](const ReductionUnit& u) {
    constexpr int64_t most = ReductionCut::max_columns;
    double sums[most];
    if (g.inner == 1 && whole) {
      for (int64_t o = u.outer; o < u.outer + u.outers; o += most) {
        const int64_t rows = std::min(most, u.outer + u.outers - o);
        tiles.rows(rows, g.reduced, x + o * g.reduced, sums);
        for (int64_t r = 0; r < rows; ++r) y[o + r] = static_cast<Out>(factor * sums[r]);
      }
      return;
    }
    for (int64_t o = u.outer; o < u.outer + u.outers; ++o) {
      const In* from = x + (o * g.reduced + u.first_row) * g.inner + u.first_column;
      tiles.columns(u.rows, u.columns, g.inner, from, sums);
      if (whole) {
        Out* to = y + o * g.inner + u.first_column;
        for (int64_t c = 0; c < u.columns; ++c) to[c] = static_cast<Out>(factor * sums[c]);
      } else {
        std::copy_n(sums, u.columns,
                    partial.get() + (o * cut.parts + u.part) * g.inner + u.first_column);
      }
    }
  });
  if (whole) return;
  parallel_range(
      g.outer * g.inner, ReductionCut::grain / cut.parts + 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const double* column = partial.get() + i / g.inner * cut.parts * g.inner + i % g.inner;
          double sum = 0;
          for (int64_t p = 0; p < cut.parts; ++p) sum += column[p * g.inner];
          y[i] = static_cast<Out>(factor * sum);
        }
      });
}

}  // namespace

template <Device D, class T>
void reduce_sum(const BroadcastAxes& axes, const T* x, double factor, T* y) {
  std::unique_ptr<double[]> between;  // the sums of the groups so far
  for_each_reduced_group(axes, [&](const ReducedGroup& g, bool last) {
    const auto before = std::move(between);
    if (last && before) return sum_group(g, before.get(), factor, y);
    if (last) return sum_group(g, x, factor, y);
    between = std::make_unique_for_overwrite<double[]>(g.outer * g.inner);
    if (before)
      sum_group(g, before.get(), 1, between.get());
    else
      sum_group(g, x, 1, between.get());
  });
}

template void reduce_sum<Device::cpu, float>(const BroadcastAxes&, const float*, double, float*);
template void reduce_sum<Device::cpu, double>(const BroadcastAxes&, const double*, double, double*);

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

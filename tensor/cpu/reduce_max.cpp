#include <algorithm>
#include <cmath>
#include <memory>

#include "tensor/cpu/reduce.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/reduce_max.cpp"
#include "tensor/cpu/simd.h"

#ifndef PIXELGRAD_TENSOR_CPU_REDUCE_MAX
#define PIXELGRAD_TENSOR_CPU_REDUCE_MAX
namespace pixelgrad::kernels {
/// What is compiled per SIMD target; each works on one thread.
template <class T>
struct MaxTiles {
  /// As wide as T, so that both fit the same vectors; the parts of a reduction are short enough.
  using Row = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  void (*columns)(int64_t rows, int64_t columns, int64_t stride, const T* x, T* largest, Row* at);
  void (*row)(int64_t n, const T* x, T* largest, Row* at);
};
}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {

/// Whether a value takes the place of the largest before it: a NaN is larger than any number.
template <class T>
bool is_larger(T value, T largest) {
  return (value > largest) | ((value != value) & (largest == largest));
}

/// The largest value of each of `columns` columns of a matrix whose rows start `stride` values
/// apart, and its row.
template <class T, class Row>
void column_max(int64_t rows, int64_t columns, int64_t stride, const T* HWY_RESTRICT x,
                T* HWY_RESTRICT largest, Row* HWY_RESTRICT at) {
  std::copy_n(x, columns, largest);
  std::fill_n(at, columns, Row{0});
  for (int64_t r = 1; r < rows; ++r) {
    const T* row = x + r * stride;
    for (int64_t c = 0; c < columns; ++c) {
      const bool larger = is_larger(row[c], largest[c]);
      largest[c] = larger ? row[c] : largest[c];
      at[c] = larger ? static_cast<Row>(r) : at[c];
    }
  }
}

/// The largest of n values that follow one another, and its place. Taken as rows of 64, whose
/// columns do not wait for each other.
template <class T, class Row>
void row_max(int64_t n, const T* x, T* largest, Row* at) {
  constexpr int64_t width = 64;
  const int64_t rows = n / width;
  *largest = x[0];
  *at = 0;
  if (rows > 1) {
    T best[width];
    Row row[width];
    column_max(rows, width, width, x, best, row);
    *largest = best[0];
    *at = row[0] * width;
    for (int64_t c = 1; c < width; ++c) {
      const Row place = static_cast<Row>(row[c] * width + c);
      const bool earlier = !is_larger(*largest, best[c]) && place < *at;  // of equal ones
      if (!is_larger(best[c], *largest) && !earlier) continue;
      *largest = best[c];
      *at = place;
    }
  }
  for (int64_t i = rows > 1 ? rows * width : 1; i < n; ++i) {
    if (!is_larger(x[i], *largest)) continue;
    *largest = x[i];
    *at = static_cast<Row>(i);
  }
}

template <class T>
MaxTiles<T> tiles() {
  using Row = typename MaxTiles<T>::Row;
  return {.columns = column_max<T, Row>, .row = row_max<T, Row>};
}
MaxTiles<float> tiles_f32() { return tiles<float>(); }
MaxTiles<double> tiles_f64() { return tiles<double>(); }

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {
HWY_EXPORT(tiles_f32);
HWY_EXPORT(tiles_f64);
template <class T>
MaxTiles<T> best_tiles() {
  if constexpr (std::is_same_v<T, float>)
    return HWY_DYNAMIC_DISPATCH(tiles_f32)();
  else
    return HWY_DYNAMIC_DISPATCH(tiles_f64)();
}

/// `where` tells the index that each value of x has in the array that the first group was taken
/// from; null for that array itself.
template <class T>
void max_group(const ReducedGroup& g, const T* x, const int64_t* where, T* y, int64_t* index) {
  const ReductionCut cut(g);
  const MaxTiles<T> tiles = best_tiles<T>();
  const int64_t outputs = g.outer * g.inner;
  const auto largest = std::make_unique_for_overwrite<T[]>(outputs * cut.parts);
  const auto found = std::make_unique_for_overwrite<int64_t[]>(outputs * cut.parts);
  for_each_reduction_unit(g, cut, [&](const ReductionUnit& u) {
    typename MaxTiles<T>::Row at[ReductionCut::max_columns];
    for (int64_t o = u.outer; o < u.outer + u.outers; ++o) {
      const int64_t from = (o * g.reduced + u.first_row) * g.inner + u.first_column;
      const int64_t to = (o * cut.parts + u.part) * g.inner + u.first_column;
      if (g.inner == 1)
        tiles.row(u.rows, x + from, largest.get() + to, at);
      else
        tiles.columns(u.rows, u.columns, g.inner, x + from, largest.get() + to, at);
      for (int64_t c = 0; c < u.columns; ++c) found[to + c] = from + at[c] * g.inner + c;
    }
  });
  parallel_range(outputs, ReductionCut::grain / cut.parts + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int64_t best = i / g.inner * cut.parts * g.inner + i % g.inner;
      for (int64_t p = 1, j = best + g.inner; p < cut.parts; ++p, j += g.inner) {
        const T value = largest[j], before = largest[best];
        if (value > before || (std::isnan(value) && !std::isnan(before))) best = j;
      }
      y[i] = largest[best];
      const bool in_first = PIXELGRAD_MUTANT(max_forgets_the_group_before, where == nullptr, true);
      index[i] = in_first ? found[best] : where[found[best]];
    }
  });
}

}  // namespace

template <Device D, class T>
void reduce_max(const BroadcastAxes& axes, const T* x, T* y, int64_t* index) {
  std::unique_ptr<T[]> between;
  std::unique_ptr<int64_t[]> where;
  for_each_reduced_group(axes, [&](const ReducedGroup& g, bool last) {
    const auto values = std::move(between);
    const auto before = std::move(where);
    const T* from = values ? values.get() : x;
    if (last) return max_group(g, from, before.get(), y, index);
    between = std::make_unique_for_overwrite<T[]>(g.outer * g.inner);
    where = std::make_unique_for_overwrite<int64_t[]>(g.outer * g.inner);
    max_group(g, from, before.get(), between.get(), where.get());
  });
}

template <Device D, class T>
void reduce_max_backward(int64_t all, int64_t n, const T* dy, const int64_t* index, T* dx) {
  parallel_range(all, ReductionCut::grain,
                 [&](int64_t begin, int64_t end) { std::fill(dx + begin, dx + end, T{0}); });
  for (int64_t i = 0; i < n; ++i) dx[index[i]] = dy[i];
}

#define PIXELGRAD_INSTANTIATE(T)                                                          \
  template void reduce_max<Device::cpu, T>(const BroadcastAxes&, const T*, T*, int64_t*); \
  template void reduce_max_backward<Device::cpu, T>(int64_t, int64_t, const T*, const int64_t*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

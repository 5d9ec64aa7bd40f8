// Sums and maxima over axes. A reduction over several groups of axes runs group by group, from the
// innermost; each is a reduction of [outer, reduced, inner] to [outer, inner].
#include "tensor/kernels/reduce.h"

#include <algorithm>
#include <memory>
#include <type_traits>

#include "tensor/mutant_internal.h"
#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/reduce.cpp"
#include "tensor/cpu/simd.h"

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

void column_sums_f32(int64_t rows, int64_t columns, int64_t stride, const float* x, double* sums) {
  column_sums(rows, columns, stride, x, sums);
}
void column_sums_f64(int64_t rows, int64_t columns, int64_t stride, const double* x, double* sums) {
  column_sums(rows, columns, stride, x, sums);
}

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {
HWY_EXPORT(column_sums_f32);
HWY_EXPORT(column_sums_f64);

/// One group of axes: [outer, reduced, inner] to [outer, inner].
struct Group {
  int64_t outer = 1, reduced = 1, inner = 1;
};

/// How a group is cut into units by its sizes alone: the columns into blocks that fit a buffer, the
/// rows into parts whose results are merged in their order.
struct Cut {
  static constexpr int64_t grain = 1 << 15, max_columns = 1024;
  int64_t blocks, rows, parts, units_per_task;

  explicit Cut(const Group& g) {
    const int64_t columns = std::clamp<int64_t>(g.inner, 1, max_columns);
    blocks = (g.inner + max_columns - 1) / max_columns;
    rows = std::max<int64_t>(64, grain / columns);
    rows = PIXELGRAD_MUTANT(reduction_cut_by_threads, rows, 1 + g.reduced / num_threads());
    parts = std::max<int64_t>(1, (g.reduced + rows - 1) / rows);
    const int64_t unit = std::max<int64_t>(1, std::min(rows, g.reduced) * columns);
    units_per_task = std::max<int64_t>(1, grain / unit);
  }
};

/// A block of columns of a part of the rows of one outer index.
struct Unit {
  int64_t outer, part, first_row, rows, first_column, columns;
};

template <class F>
void for_each_unit(const Group& g, const Cut& cut, F f) {
  parallel_range(g.outer * cut.parts * cut.blocks, cut.units_per_task,
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     const int64_t block = i % cut.blocks, part = i / cut.blocks % cut.parts;
                     const int64_t row = part * cut.rows, column = block * Cut::max_columns;
                     f(Unit{.outer = i / cut.blocks / cut.parts,
                            .part = part,
                            .first_row = row,
                            .rows = std::min(cut.rows, g.reduced - row),
                            .first_column = column,
                            .columns = std::min(Cut::max_columns, g.inner - column)});
                   }
                 });
}

template <class In, class Out>
void sum_group(const Group& g, const In* x, double factor, Out* y) {
  const Cut cut(g);
  const bool whole = cut.parts == 1;
  const auto partial =
      std::make_unique_for_overwrite<double[]>(whole ? 0 : g.outer * cut.parts * g.inner);
  for_each_unit(g, cut, [&](const Unit& u) {
    double sums[Cut::max_columns];
    const In* from = x + (u.outer * g.reduced + u.first_row) * g.inner + u.first_column;
    if constexpr (std::is_same_v<In, float>)
      HWY_DYNAMIC_DISPATCH(column_sums_f32)(u.rows, u.columns, g.inner, from, sums);
    else
      HWY_DYNAMIC_DISPATCH(column_sums_f64)(u.rows, u.columns, g.inner, from, sums);
    if (whole) {
      Out* to = y + u.outer * g.inner + u.first_column;
      for (int64_t c = 0; c < u.columns; ++c) to[c] = static_cast<Out>(factor * sums[c]);
    } else {
      std::copy_n(sums, u.columns,
                  partial.get() + (u.outer * cut.parts + u.part) * g.inner + u.first_column);
    }
  });
  if (whole) return;
  parallel_range(g.outer * g.inner, Cut::grain / cut.parts + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const double* column = partial.get() + i / g.inner * cut.parts * g.inner + i % g.inner;
      double sum = 0;
      for (int64_t p = 0; p < cut.parts; ++p) sum += column[p * g.inner];
      y[i] = static_cast<Out>(factor * sum);
    }
  });
}

/// Whether a value takes the place of the largest before it: a NaN is larger than any number.
template <class T>
bool is_larger(T value, T largest) {
  return value > largest || (value != value && largest == largest);
}

/// `where` tells the index that each value of x has in the array that the first group was taken
/// from; null for that array itself.
template <class T>
void max_group(const Group& g, const T* x, const int64_t* where, T* y, int64_t* index) {
  const Cut cut(g);
  const int64_t outputs = g.outer * g.inner;
  const auto largest = std::make_unique_for_overwrite<T[]>(outputs * cut.parts);
  const auto found = std::make_unique_for_overwrite<int64_t[]>(outputs * cut.parts);
  for_each_unit(g, cut, [&](const Unit& u) {
    const int64_t from = (u.outer * g.reduced + u.first_row) * g.inner + u.first_column;
    const int64_t to = (u.outer * cut.parts + u.part) * g.inner + u.first_column;
    T* best = largest.get() + to;
    int64_t* at = found.get() + to;
    for (int64_t c = 0; c < u.columns; ++c) {
      best[c] = x[from + c];
      at[c] = from + c;
    }
    for (int64_t r = 1; r < u.rows; ++r)
      for (int64_t c = 0; c < u.columns; ++c) {
        const int64_t i = from + r * g.inner + c;
        if (!is_larger(x[i], best[c])) continue;
        best[c] = x[i];
        at[c] = i;
      }
  });
  parallel_range(outputs, Cut::grain / cut.parts + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int64_t best = i / g.inner * cut.parts * g.inner + i % g.inner;
      for (int64_t p = 1, j = best + g.inner; p < cut.parts; ++p, j += g.inner)
        if (is_larger(largest[j], largest[best])) best = j;
      y[i] = largest[best];
      const bool in_first = PIXELGRAD_MUTANT(max_forgets_the_group_before, where == nullptr, true);
      index[i] = in_first ? found[best] : where[found[best]];
    }
  });
}

/// Calls f(group, is_last) for each group of repeated axes, innermost first.
template <class F>
void for_each_group(const BroadcastAxes& axes, F f) {
  int first = axes.count;
  for (int i = axes.count - 1; i >= 0; --i)
    if (axes.repeated[i]) first = i;
  int64_t inner = 1;
  for (int i = axes.count - 1; i >= 0; --i) {
    if (!axes.repeated[i]) {
      inner *= axes.size[i];
      continue;
    }
    Group g{.reduced = axes.size[i], .inner = inner};
    for (int k = 0; k < i; ++k) g.outer *= axes.size[k];
    f(g, i == first);
  }
  if (first == axes.count) f(Group{.inner = inner}, true);  // nothing to reduce: a copy
}

}  // namespace

template <Device D, class T>
void reduce_sum(const BroadcastAxes& axes, const T* x, double factor, T* y) {
  std::unique_ptr<double[]> between;  // the sums of the groups so far
  for_each_group(axes, [&](const Group& g, bool last) {
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

template <Device D, class T>
void reduce_max(const BroadcastAxes& axes, const T* x, T* y, int64_t* index) {
  std::unique_ptr<T[]> between;
  std::unique_ptr<int64_t[]> where;
  for_each_group(axes, [&](const Group& g, bool last) {
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
  parallel_range(all, Cut::grain,
                 [&](int64_t begin, int64_t end) { std::fill(dx + begin, dx + end, T{0}); });
  for (int64_t i = 0; i < n; ++i) dx[index[i]] = dy[i];
}

#define PIXELGRAD_INSTANTIATE(T)                                                          \
  template void reduce_sum<Device::cpu, T>(const BroadcastAxes&, const T*, double, T*);   \
  template void reduce_max<Device::cpu, T>(const BroadcastAxes&, const T*, T*, int64_t*); \
  template void reduce_max_backward<Device::cpu, T>(int64_t, int64_t, const T*, const int64_t*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE

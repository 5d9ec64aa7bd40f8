#pragma once
#include <cstdint>

#include "tensor/kernels/broadcast.h"

// Reductions from a large array x[axes.all()] to a small one y[axes.kept()]: what becomes one value
// are the positions that `axes` maps to it. Any of its sizes but the kept ones may be 0 in sums.
namespace pixelgrad::kernels {

// A reduction over several groups of axes can run group by group, from the innermost.

/// One group of axes: [outer, reduced, inner] to [outer, inner].
struct ReducedGroup {
  int64_t outer = 1, reduced = 1, inner = 1;
};

/// Calls f(group, is_last) for each group of repeated axes, innermost first.
template <class F>
void for_each_reduced_group(const BroadcastAxes& axes, F f) {
  int first = axes.count;
  for (int i = axes.count - 1; i >= 0; --i)
    if (axes.repeated[i]) first = i;
  int64_t inner = 1;
  for (int i = axes.count - 1; i >= 0; --i) {
    if (!axes.repeated[i]) {
      inner *= axes.size[i];
      continue;
    }
    ReducedGroup g{.reduced = axes.size[i], .inner = inner};
    for (int k = 0; k < i; ++k) g.outer *= axes.size[k];
    f(g, i == first);
  }
  if (first == axes.count) f(ReducedGroup{.inner = inner}, true);  // nothing to reduce: a copy
}

/// y = factor * sum of x, kept in f64 until it is rounded once, in an order that depends on the
/// sizes alone.
template <Device D, class T>
void reduce_sum(const BroadcastAxes& axes, const T* x, double factor, T* y);

/// y = the largest x, and where in x it lies: the first of equal ones in memory order. A NaN is
/// larger than any number. At least one value must be reduced to each.
template <Device D, class T>
void reduce_max(const BroadcastAxes& axes, const T* x, T* y, int64_t* index);

/// dx[index[i]] = dy[i] for i < n, and 0 everywhere else of dx[all]; no index occurs twice.
template <Device D, class T>
void reduce_max_backward(int64_t all, int64_t n, const T* dy, const int64_t* index, T* dx);

}  // namespace pixelgrad::kernels

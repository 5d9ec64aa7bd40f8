#pragma once
#include <cstdint>

#include "tensor/kernels/broadcast.h"

// Reductions from a large array x[axes.all()] to a small one y[axes.kept()]: what becomes one value
// are the positions that `axes` maps to it. Any of its sizes but the kept ones may be 0 in sums.
namespace pixelgrad::kernels {

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

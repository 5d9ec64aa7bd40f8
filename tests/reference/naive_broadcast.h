#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "tests/reference/naive_array.h"

namespace pixelgrad::naive {

/// NumPy's rule: shapes are aligned at the last dimension, and sizes of 1 or missing are repeated.
inline Shape broadcast(const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()));
  for (size_t back = 1; back <= out.size(); ++back) {
    const int64_t x = back <= a.size() ? a[a.size() - back] : 1;
    const int64_t y = back <= b.size() ? b[b.size() - back] : 1;
    out[out.size() - back] = std::max(x, y);
  }
  return out;
}

/// The index on each dimension of the element at `offset` in memory order.
inline std::vector<int64_t> unravel(int64_t offset, const Shape& shape) {
  std::vector<int64_t> index(shape.size());
  for (size_t back = 1; back <= shape.size(); ++back) {
    index[shape.size() - back] = offset % shape[shape.size() - back];
    offset /= shape[shape.size() - back];
  }
  return index;
}

/// The value of x at an index of a shape that x broadcasts to.
inline double at_broadcast(const Array& x, const std::vector<int64_t>& index) {
  int64_t offset = 0;
  for (size_t i = 0; i < x.shape.size(); ++i) {
    const int64_t k = index[index.size() - x.shape.size() + i];
    offset = offset * x.shape[i] + (x.shape[i] == 1 ? 0 : k);
  }
  return x.values[static_cast<size_t>(offset)];
}

/// f of each pair of values of a and b, broadcast.
template <class F>
Array map_broadcast(const Array& a, const Array& b, F f) {
  Array y(broadcast(a.shape, b.shape));
  for (size_t i = 0; i < y.values.size(); ++i) {
    const auto index = unravel(static_cast<int64_t>(i), y.shape);
    y.values[i] = f(at_broadcast(a, index), at_broadcast(b, index));
  }
  return y;
}

/// Folds the values along the axes with f, from `start`; no axes: all of them.
template <class F>
Array reduce(const Array& x, std::vector<int> axes, bool keepdim, double start, F f) {
  const int dims = static_cast<int>(x.shape.size());
  if (axes.empty())
    for (int i = 0; i < dims; ++i) axes.push_back(i);
  Shape kept = x.shape, result;
  for (int axis : axes) kept[static_cast<size_t>(axis < 0 ? axis + dims : axis)] = 1;
  for (int i = 0; i < dims; ++i)
    if (keepdim || (std::count(axes.begin(), axes.end(), i) == 0 &&
                    std::count(axes.begin(), axes.end(), i - dims) == 0))
      result.push_back(kept[static_cast<size_t>(i)]);
  Array y(result, start);
  for (size_t i = 0; i < x.values.size(); ++i) {
    const auto index = unravel(static_cast<int64_t>(i), x.shape);
    int64_t offset = 0;
    for (size_t d = 0; d < kept.size(); ++d) offset = offset * kept[d] + index[d] % kept[d];
    double& into = y.values[static_cast<size_t>(offset)];
    into = f(into, x.values[i]);
  }
  return y;
}

}  // namespace pixelgrad::naive

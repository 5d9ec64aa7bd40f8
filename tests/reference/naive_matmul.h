#pragma once
#include "tests/reference/naive_array.h"

namespace pixelgrad::naive {

/// [...,M,K] times [...,K,N], with as many matrices on either side.
inline Array matmul(const Array& a, const Array& b) {
  const size_t dims = a.shape.size();
  const int64_t m = a.shape[dims - 2], k = a.shape[dims - 1], n = b.shape[dims - 1];
  Shape shape = a.shape;
  shape.back() = n;
  Array c(shape);
  for (int64_t matrix = 0; matrix < numel(shape) / (m * n); ++matrix)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j)
        for (int64_t l = 0; l < k; ++l)
          c.values[static_cast<size_t>((matrix * m + i) * n + j)] +=
              a.values[static_cast<size_t>((matrix * m + i) * k + l)] *
              b.values[static_cast<size_t>((matrix * k + l) * n + j)];
  return c;
}

/// y[..., o] = bias[o] + sum over i of x[..., i] weight[o, i]; bias may be null.
inline Array linear(const Array& x, const Array& weight, const Array* bias) {
  Shape shape = x.shape;
  shape.back() = weight.size(0);
  Array y(shape);
  for (int64_t row = 0; row < y.pixels(); ++row)
    for (int64_t o = 0; o < y.channels(); ++o) {
      y.at(row, o) = bias ? bias->values[static_cast<size_t>(o)] : 0;
      for (int64_t i = 0; i < x.channels(); ++i) y.at(row, o) += x.at(row, i) * weight.at(o, i);
    }
  return y;
}

}  // namespace pixelgrad::naive

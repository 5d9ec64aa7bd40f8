#pragma once
#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

// The naive twins: each op of the library once more, as the loops that its formula says, in f64, on
// one thread. They share no code with the library's kernels, so no mistake either.
namespace pixelgrad::naive {

/// Values in memory order under a shape; 4-d access for images [n,h,w,c].
struct Array {
  Shape shape;
  std::vector<double> values;

  explicit Array(Shape s, double fill = 0)
      : shape(std::move(s)), values(static_cast<size_t>(numel(shape)), fill) {}
  explicit Array(const Tensor& t) : shape(t.shape()), values(t.to_doubles()) {}

  int64_t size(int dim) const { return shape[static_cast<size_t>(dim)]; }
  double& at(int64_t n, int64_t y, int64_t x, int64_t c) { return values[offset(n, y, x, c)]; }
  double at(int64_t n, int64_t y, int64_t x, int64_t c) const { return values[offset(n, y, x, c)]; }

  /// Rows of the last dimension, for ops that look at a pixel's channels.
  int64_t channels() const { return shape.back(); }
  int64_t pixels() const { return static_cast<int64_t>(values.size()) / channels(); }
  double& at(int64_t pixel, int64_t c) {
    return values[static_cast<size_t>(pixel * channels() + c)];
  }
  double at(int64_t pixel, int64_t c) const {
    return values[static_cast<size_t>(pixel * channels() + c)];
  }

 private:
  size_t offset(int64_t n, int64_t y, int64_t x, int64_t c) const {
    return static_cast<size_t>(((n * size(1) + y) * size(2) + x) * size(3) + c);
  }
};

/// f of each value.
template <class F>
Array map(const Array& x, F f) {
  Array y(x.shape);
  for (size_t i = 0; i < y.values.size(); ++i) y.values[i] = f(x.values[i]);
  return y;
}

/// f of each pair of values.
template <class F>
Array map(const Array& a, const Array& b, F f) {
  Array y(a.shape);
  for (size_t i = 0; i < y.values.size(); ++i) y.values[i] = f(a.values[i], b.values[i]);
  return y;
}

inline double sum(const Array& x) {
  double total = 0;
  for (double v : x.values) total += v;
  return total;
}

}  // namespace pixelgrad::naive

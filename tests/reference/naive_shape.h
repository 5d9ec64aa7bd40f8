#pragma once
#include <cstdint>
#include <vector>

#include "tests/reference/naive_array.h"

// Moving values about, one after the other, by their indices.
namespace pixelgrad::naive {

using Index = std::vector<int64_t>;

/// Calls f(index) for every index of a shape, in memory order.
template <class F>
void for_each_index(const Shape& shape, F f) {
  Index index(shape.size(), 0);
  for (int64_t i = 0; i < numel(shape); ++i) {
    f(static_cast<const Index&>(index));
    for (size_t k = shape.size(); k-- > 0;) {
      if (++index[k] < shape[k]) break;
      index[k] = 0;
    }
  }
}

/// The value at an index, for any number of dimensions.
inline double& at(Array& x, const Index& index) {
  int64_t offset = 0;
  for (size_t k = 0; k < index.size(); ++k) offset = offset * x.shape[k] + index[k];
  return x.values[static_cast<size_t>(offset)];
}
inline double at(const Array& x, const Index& index) { return at(const_cast<Array&>(x), index); }

/// y of a shape, each value taken from where source(index of y) says in x.
template <class F>
Array moved(const Array& x, const Shape& shape, F source) {
  Array y(shape);
  for_each_index(shape, [&](const Index& index) { at(y, index) = at(x, source(index)); });
  return y;
}

inline Array permute(const Array& x, const std::vector<int>& axes) {
  const auto dims = static_cast<int>(x.shape.size());
  std::vector<size_t> from;
  Shape shape;
  for (int axis : axes) {
    from.push_back(static_cast<size_t>((axis + dims) % dims));
    shape.push_back(x.shape[from.back()]);
  }
  return moved(x, shape, [&](const Index& y) {
    Index index(y.size());
    for (size_t k = 0; k < y.size(); ++k) index[from[k]] = y[k];
    return index;
  });
}

inline Array slice(const Array& x, int axis, int64_t start, int64_t stop, int64_t step) {
  const size_t at = static_cast<size_t>(axis < 0 ? axis + static_cast<int>(x.shape.size()) : axis);
  std::vector<int64_t> picked;
  const int64_t size = x.shape[at];
  for (int64_t i = start < 0 ? start + size : start; i < (stop < 0 ? stop + size : stop); i += step)
    picked.push_back(i);
  Shape shape = x.shape;
  shape[at] = static_cast<int64_t>(picked.size());
  return moved(x, shape, [&](Index index) {
    index[at] = picked[static_cast<size_t>(index[at])];
    return index;
  });
}

inline Array crop(const Array& x, int64_t top, int64_t left, int64_t height, int64_t width) {
  return moved(x, {x.size(0), height, width, x.size(3)}, [&](const Index& y) {
    return Index{y[0], y[1] + top, y[2] + left, y[3]};
  });
}

/// Parts along `axis`.
inline Array concat(const std::vector<Array>& parts, int axis) {
  const size_t along =
      static_cast<size_t>(axis < 0 ? axis + static_cast<int>(parts[0].shape.size()) : axis);
  Shape shape = parts[0].shape;
  shape[along] = 0;
  for (const Array& part : parts) shape[along] += part.shape[along];
  Array y(shape);
  int64_t before = 0;
  for (const Array& part : parts) {
    for_each_index(part.shape, [&](const Index& from) {
      Index to = from;
      to[along] += before;
      at(y, to) = at(part, from);
    });
    before += part.shape[along];
  }
  return y;
}

/// In the words of PyTorch's documentation, of NCHW: (*, C r^2, H, W) to (*, C, H r, W r).
inline Array pixel_shuffle(const Array& x, int64_t r) {
  return moved(x, {x.size(0), x.size(1) * r, x.size(2) * r, x.size(3) / (r * r)},
               [&](const Index& y) {
                 const int64_t i = y[1] % r, j = y[2] % r;
                 return Index{y[0], y[1] / r, y[2] / r, (y[3] * r + i) * r + j};
               });
}

enum class Border { constant, reflect, replicate };

/// The coordinate that one outside of [0, size) stands for, found step by step from the edge; -1
/// where a constant stands.
inline int64_t inside(int64_t i, int64_t size, Border border) {
  if (i >= 0 && i < size) return i;
  if (border == Border::constant) return -1;
  const int64_t edge = i < 0 ? 0 : size - 1, back = i < 0 ? 1 : -1;
  if (border == Border::replicate) return edge;
  int64_t mirrored = edge;
  for (int64_t at = edge; at != i; at -= back) mirrored += back;
  return mirrored;
}

inline Array pad(const Array& x, int64_t left, int64_t right, int64_t top, int64_t bottom,
                 Border border, double value) {
  Array y({x.size(0), x.size(1) + top + bottom, x.size(2) + left + right, x.size(3)}, value);
  for_each_index(y.shape, [&](const Index& to) {
    const int64_t iy = inside(to[1] - top, x.size(1), border);
    const int64_t ix = inside(to[2] - left, x.size(2), border);
    if (iy >= 0 && ix >= 0) at(y, to) = x.at(to[0], iy, ix, to[3]);
  });
  return y;
}

}  // namespace pixelgrad::naive

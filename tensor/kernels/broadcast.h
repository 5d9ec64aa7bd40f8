#pragma once
#include <cstdint>

#include "tensor/check.h"
#include "tensor/device.h"
#include "tensor/shape.h"

// A small array that stands for a large one: by NumPy's rules shapes are aligned at the last
// dimension, and a missing dimension or one of size 1 is repeated. The same map, read backwards,
// says which positions a reduction adds up.
namespace pixelgrad::kernels {

/// How the positions of a large contiguous array map to those of a small one. Neighbouring
/// dimensions that are all kept, or all repeated, are folded into one axis, so kept and repeated
/// axes alternate: [C] over [N,H,W,C] is (N*H*W repeated, C kept).
struct BroadcastAxes {
  static constexpr int max_axes = 8;
  int count = 0;           ///< 0: both hold one value
  int64_t size[max_axes];  ///< outermost first
  bool repeated[max_axes];

  /// Number of values of the small array, or of the large one.
  constexpr int64_t kept() const {
    int64_t n = 1;
    for (int i = 0; i < count; ++i) n *= repeated[i] ? 1 : size[i];
    return n;
  }
  constexpr int64_t all() const {
    int64_t n = 1;
    for (int i = 0; i < count; ++i) n *= size[i];
    return n;
  }
};

/// The map from `large` to `small`, which must broadcast to it. Throws Error where kept and
/// repeated dimensions alternate more than max_axes times.
inline BroadcastAxes broadcast_axes(const Shape& small, const Shape& large) {
  BroadcastAxes axes;
  const size_t missing = large.size() - small.size();
  for (size_t i = 0; i < large.size(); ++i) {
    const bool repeated = i < missing || small[i - missing] != large[i];
    if (large[i] == 1) continue;
    if (axes.count > 0 && axes.repeated[axes.count - 1] == repeated) {
      axes.size[axes.count - 1] *= large[i];
      continue;
    }
    check(axes.count < BroadcastAxes::max_axes, "[broadcast] ", small, " and ", large,
          " alternate more than ", BroadcastAxes::max_axes,
          " times between dimensions that agree and dimensions that do not");
    axes.size[axes.count] = large[i];
    axes.repeated[axes.count++] = repeated;
  }
  return axes;
}

/// An input of an element-by-element kernel: data[axes.kept()], read as if it had axes.all()
/// values.
template <class T>
struct Operand {
  const T* data = nullptr;
  BroadcastAxes axes;

  constexpr bool is_whole() const {
    return axes.count == 0 || (axes.count == 1 && !axes.repeated[0]);
  }
};

/// y[i] = factor * x[i] for the x.axes.all() values of y.
template <Device D, class T>
void expand(const Operand<T>& x, double factor, T* y);

}  // namespace pixelgrad::kernels

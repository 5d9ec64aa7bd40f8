#pragma once
#include <algorithm>
#include <cstdint>

#include "tensor/device.h"

namespace pixelgrad::kernels {

/// A copy between two arrays that are laid out differently: slices, concatenations and permutations
/// differ in nothing but the steps.
struct StridedCopy {
  static constexpr int max_dims = 8;
  struct Dim {
    int64_t size;
    int64_t from, to;  ///< values from one element to the next, in either array
  };
  int dims = 0;
  Dim dim[max_dims] = {};

  void add(int64_t size, int64_t from, int64_t to) { dim[dims++] = {size, from, to}; }
  /// The copy the other way.
  StridedCopy reversed() const {
    StridedCopy r;
    for (int k = 0; k < dims; ++k) r.add(dim[k].size, dim[k].to, dim[k].from);
    return r;
  }
  /// The same copy in as few dimensions as possible, at least one, those with the shortest steps in
  /// `to` last.
  StridedCopy simplified() const {
    StridedCopy sorted;
    for (int k = 0; k < dims; ++k)
      if (dim[k].size != 1) sorted.dim[sorted.dims++] = dim[k];
    std::stable_sort(sorted.dim, sorted.dim + sorted.dims,
                     [](const Dim& a, const Dim& b) { return a.to > b.to; });
    StridedCopy merged;
    for (int k = 0; k < sorted.dims; ++k) {
      const Dim& d = sorted.dim[k];
      Dim* before = merged.dims ? &merged.dim[merged.dims - 1] : nullptr;
      if (before && before->from == d.from * d.size && before->to == d.to * d.size)
        *before = {before->size * d.size, d.from, d.to};
      else
        merged.add(d.size, d.from, d.to);
    }
    if (merged.dims == 0) merged.add(1, 1, 1);
    return merged;
  }
};

/// to[sum of i_k dim[k].to] = from[sum of i_k dim[k].from] for all 0 <= i_k < dim[k].size. Steps
/// are positive and no element of `to` is written twice; the order of the dimensions is free.
template <Device D, class T>
void copy_strided(const StridedCopy& c, const T* from, T* to);

}  // namespace pixelgrad::kernels

#pragma once
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
};

/// to[sum of i_k dim[k].to] = from[sum of i_k dim[k].from] for all 0 <= i_k < dim[k].size. Steps
/// are positive and no element of `to` is written twice; the order of the dimensions is free.
template <Device D, class T>
void copy_strided(const StridedCopy& c, const T* from, T* to);

}  // namespace pixelgrad::kernels

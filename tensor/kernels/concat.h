#pragma once
#include <cstdint>

#include "tensor/device.h"

namespace pixelgrad::kernels {

/// Copies `rows` rows of `count` values; a row starts `from_stride` values after the one before it
/// in `from` and `to_stride` in `to`. Channels into a concatenation or out of one (a row is a
/// pixel), and the rows of a crop.
template <Device D, class T>
void copy_rows(int64_t rows, int64_t count, const T* from, int64_t from_stride, T* to,
               int64_t to_stride);

}  // namespace pixelgrad::kernels

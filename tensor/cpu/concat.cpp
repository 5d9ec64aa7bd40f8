#include "tensor/kernels/concat.h"

#include <algorithm>

#include "tensor/parallel.h"

namespace pixelgrad::kernels {

template <Device D, class T>
void copy_rows(int64_t rows, int64_t count, const T* from, int64_t from_stride, T* to,
               int64_t to_stride) {
  if (count == 0) return;
  const int64_t grain = std::max<int64_t>(1, (1 << 15) / count);
  parallel_range(rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      std::copy_n(from + row * from_stride, count, to + row * to_stride);
  });
}

template void copy_rows<Device::cpu, float>(int64_t, int64_t, const float*, int64_t, float*,
                                            int64_t);
template void copy_rows<Device::cpu, double>(int64_t, int64_t, const double*, int64_t, double*,
                                             int64_t);

}  // namespace pixelgrad::kernels

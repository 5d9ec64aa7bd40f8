#pragma once
#include <cstdint>
#include <vector>

#include "tensor/parallel.h"

namespace pixelgrad::kernels {

/// Cuts [0, n) into tiles of `grain` and adds up f(begin, end) in the order of the tiles.
template <class F>
double sum_tiles(int64_t n, int64_t grain, const F& f) {
  std::vector<double> partial(static_cast<size_t>((n + grain - 1) / grain));
  parallel_range(n, grain, [&](int64_t begin, int64_t end) {
    partial[static_cast<size_t>(begin / grain)] = f(begin, end);
  });
  double total = 0;
  for (double p : partial) total += p;
  return total;
}

}  // namespace pixelgrad::kernels

// Rung 2: the same products in another order.
//
// Rung 1 jumped from pixel to pixel and tested the border for each product, all to feed one sum.
// Here the output channels are the innermost loop: one input times a row of weights is added to a
// row of sums, all of them neighbours in memory, once the weights lie that way (transpose.h). The
// border is tested once for 64 x 64 products.
//
// Look for: no sum waits for another, so the compiler makes vectors of the inner loop by itself, of
// four lanes, which every x86-64 has. What is left is traffic: for each four products it loads
// weights, loads sums, and stores sums.
#include <algorithm>

#include "bench/ladder/ladder.h"
#include "bench/ladder/transpose.h"

namespace pixelgrad::ladder {

void reordered(const Layer& l) {
  const Tensor transposed = transpose(l, 1);
  for (int64_t n = 0; n < l.batch; ++n)
    for (int64_t row = 0; row < l.height; ++row)
      for (int64_t col = 0; col < l.width; ++col) {
        float* y = l.output(n, row, col);
        std::fill_n(y, l.out, 0.0f);
        for (int64_t r = 0; r < 3; ++r)
          for (int64_t s = 0; s < 3; ++s) {
            if (!l.row_inside(row + r - 1) || !l.col_inside(col + s - 1)) continue;
            const float* x = l.input(n, row + r - 1, col + s - 1);
            const float* weight = transposed.data<float>() + (r * 3 + s) * l.in * l.out;
            for (int64_t ci = 0; ci < l.in; ++ci, weight += l.out) {
              const float value = x[ci];
              for (int64_t co = 0; co < l.out; ++co) y[co] += value * weight[co];
            }
          }
      }
}

}  // namespace pixelgrad::ladder

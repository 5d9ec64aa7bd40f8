// Rung 3: a tile of four pixels x eight output channels, whose 32 sums stay in registers.
//
// Rung 2 loaded and stored a sum for every product. Here the sums of a tile are local variables
// until all 9 x 64 products have gone into each. A weight that was loaded serves four pixels and an
// input eight channels: 2 + 4 loads for 8 vectors of products, 0.75 each, where rung 2 had two
// loads and a store.
//
// Look for: a tile cannot stop at the border as rung 2 did, for its pixels read different columns.
// Outside the image they read a line of zeros; pixels and channels that do not exist are computed
// and not stored. And look at the generated code (objdump -d): whether `sum` really is in registers
// is up to the compiler. GCC 12 does it once it is told not to try the loop over input channels
// (CMakeLists.txt). 16 registers of four lanes hold 8 sums, 2 weights, an input and products.
#include <algorithm>
#include <vector>

#include "bench/ladder/ladder.h"
#include "bench/ladder/transpose.h"

namespace pixelgrad::ladder {
namespace {

constexpr int64_t pixels = 4, channels = 8;

void tile(const Layer& l, const float* transposed, const float* zeros, int64_t n, int64_t row,
          int64_t col, int64_t co) {
  const int64_t out = round_up(l.out, channels);
  float sum[pixels][channels] = {};
  for (int64_t r = 0; r < 3; ++r) {
    if (!l.row_inside(row + r - 1)) continue;
    for (int64_t s = 0; s < 3; ++s) {
      const float* x[pixels];
      for (int64_t p = 0; p < pixels; ++p)
        x[p] = l.col_inside(col + p + s - 1) ? l.input(n, row + r - 1, col + p + s - 1) : zeros;
      const float* weight = transposed + (r * 3 + s) * l.in * out + co;
      for (int64_t ci = 0; ci < l.in; ++ci, weight += out) {
        for (int64_t p = 0; p < pixels; ++p) {
          const float value = x[p][ci];
          for (int64_t c = 0; c < channels; ++c) sum[p][c] += value * weight[c];
        }
      }
    }
  }
  for (int64_t p = 0; p < std::min(pixels, l.width - col); ++p)
    for (int64_t c = 0; c < std::min(channels, l.out - co); ++c)
      l.output(n, row, col + p)[co + c] = sum[p][c];
}

}  // namespace

void tiled(const Layer& l) {
  const Tensor transposed = transpose(l, channels);
  const std::vector<float> zeros(l.in);
  for (int64_t n = 0; n < l.batch; ++n)
    for (int64_t co = 0; co < l.out; co += channels)
      for (int64_t row = 0; row < l.height; ++row)
        for (int64_t col = 0; col < l.width; col += pixels)
          tile(l, transposed.data<float>(), zeros.data(), n, row, col, co);
}

}  // namespace pixelgrad::ladder

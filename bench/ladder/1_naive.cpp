// Rung 1: the formula as it stands. Each output is a sum over input channels and nine taps.
//
// Look for: one line of arithmetic in seven loops, and how little of it is arithmetic. Around each
// product stand two tests for the border, two addresses and the loop's own steps. And each addition
// waits for the one before it, two to four cycles. So a core that could do 32 multiply-adds in a
// cycle (two units x 16 lanes) does one in two cycles.
#include "bench/ladder/ladder.h"

namespace pixelgrad::ladder {

void naive(const Layer& l) {
  for (int64_t n = 0; n < l.batch; ++n)
    for (int64_t co = 0; co < l.out; ++co)
      for (int64_t row = 0; row < l.height; ++row)
        for (int64_t col = 0; col < l.width; ++col) {
          float sum = 0;
          for (int64_t ci = 0; ci < l.in; ++ci)
            for (int64_t r = 0; r < 3; ++r)
              for (int64_t s = 0; s < 3; ++s)
                if (l.row_inside(row + r - 1) && l.col_inside(col + s - 1))
                  sum += l.input(n, row + r - 1, col + s - 1)[ci] *
                         l.weight[((co * 3 + r) * 3 + s) * l.in + ci];
          l.output(n, row, col)[co] = sum;
        }
}

}  // namespace pixelgrad::ladder

// Rung 4: the tile in the widest vectors that the processor has.
//
// Rung 3 was compiled for every x86-64: four lanes, and a multiplication and an addition where
// newer processors have one instruction for both. Here Highway compiles the same loops (tile-inl.h)
// for 4, 8 and 16 lanes, and the best one is chosen when the program runs. One input is broadcast
// to all lanes, multiplied with a vector of weights and added to the sums, in one instruction.
//
// Look for: the inner loop has 12 multiply-adds for 8 loads, and nothing else that matters. A
// multiply-add is done after four cycles and two can begin in each, so 4 x 2 = 8 must be under way
// at any time, on sums that do not wait for each other: the tile has 12.
#include <vector>

#include "bench/ladder/ladder.h"
#include "bench/ladder/transpose.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/ladder/4_vector.cpp"
#include "tensor/cpu/simd.h"

#include "bench/ladder/tile-inl.h"  // after the target is set

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::ladder::HWY_NAMESPACE {

void vector(const Layer& l) {
  const int64_t out = round_up(l.out, width);
  const Tensor transposed = transpose(l, width);
  const std::vector<float> zeros(l.in);
  for (int64_t n = 0; n < l.batch; ++n)
    for (int64_t co = 0; co < l.out; co += width) {
      const Weights weights{transposed.data<float>() + co, l.in * out, out};
      for (int64_t row = 0; row < l.height; ++row)
        for (int64_t col = 0; col < l.width; col += pixels) {
          const Place at{n, row, col, co};
          Sums sum;
          clear(sum);
          add_products(l, at, 0, l.in, weights, zeros.data(), sum);
          store(l, at, sum);
        }
    }
}

}  // namespace pixelgrad::ladder::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::ladder {

HWY_EXPORT(vector);
void vector(const Layer& layer) { HWY_DYNAMIC_DISPATCH(vector)(layer); }

}  // namespace pixelgrad::ladder
#endif

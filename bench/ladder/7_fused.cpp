// Rung 7: scale, shift and ReLU while the sums are still in registers.
//
// All rungs so far store the convolution and then pass over y once more to scale, shift and clip
// it: a load and a store for each value, for three operations that take no time at all. Here they
// are done to the tile before it is stored.
//
// Look for: the gain grows with y and with the number of cores. At 1x64x64x64 y has 1 MiB and lies
// in the second cache; at 16x256x256x64 it has 256 MiB, the second pass goes to memory and back,
// and all cores share that way. Fewer input channels make it worse: the convolution has less to do
// for each value of y, and the pass as much as ever.
#include <algorithm>

#include "bench/ladder/ladder.h"
#include "bench/ladder/transpose.h"
#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/ladder/7_fused.cpp"
#include "tensor/cpu/simd.h"

#include "bench/ladder/panels-inl.h"  // after the target is set

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::ladder::HWY_NAMESPACE {

void fused(const Layer& l) {
  PackedLayer layer(l);
  parallel_for(layer.panels(), [&](int64_t panel) { layer.pack(panel); });
  std::vector<float> scale(round_up(l.out, width)), shift(scale.size());
  std::copy_n(l.scale, l.out, scale.begin());
  std::copy_n(l.shift, l.out, shift.begin());
  parallel_for(layer.tasks(), [&](int64_t task) {
    layer.run(task, [&](const Place& at, Sums& sum) HWY_ATTR {
      const Floats d;
      HWY_UNROLL(vectors)
      for (int k = 0; k < vectors; ++k) {
        const Vector a = hn::LoadU(d, &scale[at.co + k * lanes]);
        const Vector b = hn::LoadU(d, &shift[at.co + k * lanes]);
        HWY_UNROLL(pixels)
        for (int p = 0; p < pixels; ++p)
          sum[p][k] = hn::Max(hn::Zero(d), hn::MulAdd(a, sum[p][k], b));
      }
    });
  });
}

}  // namespace pixelgrad::ladder::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::ladder {

HWY_EXPORT(fused);
void fused(const Layer& layer) { HWY_DYNAMIC_DISPATCH(fused)(layer); }

}  // namespace pixelgrad::ladder
#endif

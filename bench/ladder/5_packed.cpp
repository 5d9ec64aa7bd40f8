// Rung 5: weights in the order in which the tiles read them, work in pieces that fit the caches.
// Both stand in panels-inl.h.
//
// Rung 4 read two vectors of weights, then jumped to the next row of all output channels: with 512
// of them 2 KiB further on. Such a walk touches a new page of memory every other step, and its
// lines compete for a sixteenth of the places in the cache. Here the weights of a tile's channels
// are copied to a panel that is read from beginning to end. Deep layers also cut the input channels
// into blocks, so that the part of the panel that all tiles of a strip read stays in the second
// cache.
//
// Look for: nothing to gain with 64 channels, where all weights (144 KiB) stay in the cache anyhow,
// and a factor of three with 512. What a change buys depends on the sizes.
#include "bench/ladder/ladder.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/ladder/5_packed.cpp"
#include "tensor/cpu/simd.h"

#include "bench/ladder/panels-inl.h"  // after the target is set

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::ladder::HWY_NAMESPACE {

void packed(const Layer& l) {
  PackedLayer layer(l);
  for (int64_t panel = 0; panel < layer.panels(); ++panel) layer.pack(panel);
  for (int64_t task = 0; task < layer.tasks(); ++task)
    layer.run(task, [](const Place&, Sums&) HWY_ATTR {});
}

}  // namespace pixelgrad::ladder::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::ladder {

HWY_EXPORT(packed);
void packed(const Layer& layer) { HWY_DYNAMIC_DISPATCH(packed)(layer); }

}  // namespace pixelgrad::ladder
#endif

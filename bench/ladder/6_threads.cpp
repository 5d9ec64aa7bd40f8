// Rung 6: rung 5's tasks on all cores.
//
// Rung 5 left all cores but one idle. Its tasks, strips of rows x panels of output channels, write
// to different places and read what nobody writes, so they can run at the same time. Packing is cut
// into panels likewise: on many cores, whatever is left to one of them soon takes most of the time.
//
// Look for: two loops became two calls of parallel_for. The pieces are cut by the layer's sizes,
// not by the number of threads, so that each sum is added up in the same order on any machine. What
// keeps n cores from being n times as fast: tasks that do not divide evenly among them, the memory
// that they share, and a clock that slows down when all of them work.
#include "bench/ladder/ladder.h"
#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/ladder/6_threads.cpp"
#include "tensor/cpu/simd.h"

#include "bench/ladder/panels-inl.h"  // after the target is set

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::ladder::HWY_NAMESPACE {

void threads(const Layer& l) {
  PackedLayer layer(l);
  parallel_for(layer.panels(), [&](int64_t panel) { layer.pack(panel); });
  parallel_for(layer.tasks(),
               [&](int64_t task) { layer.run(task, [](const Place&, Sums&) HWY_ATTR {}); });
}

}  // namespace pixelgrad::ladder::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::ladder {

HWY_EXPORT(threads);
void threads(const Layer& layer) { HWY_DYNAMIC_DISPATCH(threads)(layer); }

}  // namespace pixelgrad::ladder
#endif

#include "data/streets.h"

#include "data/class_tables.h"
#include "data/streets_scene.h"
#include "tensor/check.h"

namespace pixelgrad {
namespace {

void draw(const streets::Scene& scene, const streets::Thing& thing, streets::Canvas& canvas) {
  using Kind = streets::Thing::Kind;
  switch (thing.kind) {
    case Kind::tree:
      return draw_tree(scene, thing, canvas);
    case Kind::lamp:
      return draw_lamp(scene, thing, canvas);
    case Kind::sign:
      return draw_sign(scene, thing, canvas);
    case Kind::traffic_light:
      return draw_traffic_light(scene, thing, canvas);
    case Kind::car:
      return draw_car(scene, thing, canvas);
    case Kind::pedestrian:
      return draw_pedestrian(scene, thing, canvas);
    case Kind::cyclist:
      return draw_cyclist(scene, thing, canvas);
  }
}

}  // namespace

std::vector<ClassInfo> street_classes() { return camvid11_classes(); }

StreetScene render_street(const StreetOptions& options, int64_t index) {
  constexpr int64_t least = 32, most = 8192;
  check<UsageError>(options.height >= least && options.width >= least && options.height <= most &&
                        options.width <= most,
                    "[streets] size is ", options.width, " x ", options.height, ", expected ",
                    least, " to ", most, " a side");
  check<UsageError>(index >= 0, "[streets] scene ", index, ", expected 0 or more");
  const streets::Scene scene =
      streets::plan_scene(options.height, options.width, options.seed, index);
  streets::Canvas canvas(options.height, options.width);
  draw_surroundings(scene, canvas);
  for (const streets::Thing& thing : scene.things) draw(scene, thing, canvas);
  // Last, since one sees through them: all that stands behind must be there.
  for (const streets::FenceRun& run : scene.fences) draw_fence(scene, run, canvas);
  return {expose(scene, canvas), std::move(canvas.labels)};
}

}  // namespace pixelgrad

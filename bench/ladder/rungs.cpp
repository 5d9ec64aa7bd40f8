#include <algorithm>

#include "bench/ladder/ladder.h"
#include "tensor/parallel.h"

namespace pixelgrad::ladder {
namespace {

/// y = relu(scale y + shift): the second pass over y that follows a convolution which is not fused.
void scale_shift_relu(const Layer& l) {
  parallel_for(l.batch * l.height, [&](int64_t line) {
    float* y = l.y + line * l.width * l.out;
    for (int64_t col = 0; col < l.width; ++col, y += l.out)
      for (int64_t co = 0; co < l.out; ++co)
        y[co] = std::max(l.scale[co] * y[co] + l.shift[co], 0.0f);
  });
}

constexpr Rung all[] = {
    {.name = "naive", .idea = "the formula as it stands", .run = naive},
    {.name = "reordered", .idea = "channels innermost", .run = reordered},
    {.name = "tiled", .idea = "sums stay in registers", .run = tiled},
    {.name = "vector", .idea = "wide vectors, multiply-add", .run = vector, .simd = true},
    {.name = "packed", .idea = "weights in the order of use", .run = packed, .simd = true},
    {.name = "threads",
     .idea = "strips on all cores",
     .run = threads,
     .simd = true,
     .all_threads = true},
    {.name = "fused",
     .idea = "no second pass over y",
     .run = fused,
     .simd = true,
     .all_threads = true,
     .fused = true},
    {.name = "library",
     .idea = "for reference: same method",
     .run = library,
     .simd = true,
     .all_threads = true},
    {.name = "winograd", .idea = "4 products in place of 9", .run = winograd, .all_threads = true},
};

}  // namespace

void Rung::operator()(const Layer& layer) const {
  run(layer);
  if (!fused) scale_shift_relu(layer);
}

std::span<const Rung> rungs() { return all; }

}  // namespace pixelgrad::ladder

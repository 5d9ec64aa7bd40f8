#pragma once
#include <algorithm>
#include <cmath>

#include "tests/reference/naive_array.h"

namespace pixelgrad::naive {

inline Array upsample_nearest(const Array& x, int64_t out_h, int64_t out_w) {
  Array y({x.size(0), out_h, out_w, x.size(3)});
  const auto source = [](int64_t o, int64_t in, int64_t out) {
    int64_t i = 0;  // the last input pixel that starts at or before o, measured in 1 / (in * out)
    while ((i + 1) * out <= o * in) ++i;
    return i;
  };
  for (int64_t n = 0; n < y.size(0); ++n)
    for (int64_t oy = 0; oy < out_h; ++oy)
      for (int64_t ox = 0; ox < out_w; ++ox)
        for (int64_t c = 0; c < y.size(3); ++c)
          y.at(n, oy, ox, c) =
              x.at(n, source(oy, x.size(1), out_h), source(ox, x.size(2), out_w), c);
  return y;
}

/// Sums all input pixels under the tent max(0, 1 - distance) around the source position.
inline Array upsample_bilinear(const Array& x, int64_t out_h, int64_t out_w, bool align_corners) {
  Array y({x.size(0), out_h, out_w, x.size(3)});
  const auto position = [&](int64_t o, int64_t in, int64_t out) {
    if (align_corners && out == 1) return 0.0;
    const double at =
        align_corners
            ? static_cast<double>(o) * static_cast<double>(in - 1) / static_cast<double>(out - 1)
            : (static_cast<double>(o) + .5) * static_cast<double>(in) / static_cast<double>(out) -
                  .5;
    return std::clamp(at, 0.0, static_cast<double>(in - 1));
  };
  for (int64_t n = 0; n < y.size(0); ++n)
    for (int64_t oy = 0; oy < out_h; ++oy)
      for (int64_t ox = 0; ox < out_w; ++ox) {
        const double py = position(oy, x.size(1), out_h), px = position(ox, x.size(2), out_w);
        for (int64_t iy = 0; iy < x.size(1); ++iy) {
          const double wy = std::max(0.0, 1 - std::abs(py - static_cast<double>(iy)));
          if (wy == 0) continue;
          for (int64_t ix = 0; ix < x.size(2); ++ix) {
            const double wx = std::max(0.0, 1 - std::abs(px - static_cast<double>(ix)));
            if (wx == 0) continue;
            for (int64_t c = 0; c < y.size(3); ++c)
              y.at(n, oy, ox, c) += wy * wx * x.at(n, iy, ix, c);
          }
        }
      }
  return y;
}

}  // namespace pixelgrad::naive

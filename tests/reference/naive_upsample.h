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

/// Where the centre of output pixel o lies among the input's, which may be outside of them.
inline double position(int64_t o, int64_t in, int64_t out, bool align_corners) {
  if (!align_corners)
    return (static_cast<double>(o) + .5) * static_cast<double>(in) / static_cast<double>(out) - .5;
  return out == 1
             ? 0
             : static_cast<double>(o) * static_cast<double>(in - 1) / static_cast<double>(out - 1);
}

/// Sums all input pixels under the tent max(0, 1 - distance) around the source position.
inline Array upsample_bilinear(const Array& x, int64_t out_h, int64_t out_w, bool align_corners) {
  Array y({x.size(0), out_h, out_w, x.size(3)});
  const auto clamped = [&](int64_t o, int64_t in, int64_t out) {
    return std::clamp(position(o, in, out, align_corners), 0.0, static_cast<double>(in - 1));
  };
  for (int64_t n = 0; n < y.size(0); ++n)
    for (int64_t oy = 0; oy < out_h; ++oy)
      for (int64_t ox = 0; ox < out_w; ++ox) {
        const double py = clamped(oy, x.size(1), out_h), px = clamped(ox, x.size(2), out_w);
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

/// Keys's kernel of cubic convolution with a = -3/4, at a distance.
inline double cubic_kernel(double distance) {
  const double d = std::abs(distance), a = -0.75;
  if (d <= 1) return (a + 2) * std::pow(d, 3) - (a + 3) * std::pow(d, 2) + 1;
  if (d < 2) return a * std::pow(d, 3) - 5 * a * std::pow(d, 2) + 8 * a * d - 4 * a;
  return 0;
}

/// Sums the pixels of an image that goes on for ever, with the nearest pixel of the edge outside.
inline Array upsample_bicubic(const Array& x, int64_t out_h, int64_t out_w, bool align_corners) {
  Array y({x.size(0), out_h, out_w, x.size(3)});
  for (int64_t n = 0; n < y.size(0); ++n)
    for (int64_t oy = 0; oy < out_h; ++oy)
      for (int64_t ox = 0; ox < out_w; ++ox) {
        const double py = position(oy, x.size(1), out_h, align_corners);
        const double px = position(ox, x.size(2), out_w, align_corners);
        for (auto iy = static_cast<int64_t>(py) - 3; iy <= static_cast<int64_t>(py) + 3; ++iy)
          for (auto ix = static_cast<int64_t>(px) - 3; ix <= static_cast<int64_t>(px) + 3; ++ix) {
            const double weight = cubic_kernel(py - static_cast<double>(iy)) *
                                  cubic_kernel(px - static_cast<double>(ix));
            for (int64_t c = 0; c < y.size(3); ++c)
              y.at(n, oy, ox, c) += weight * x.at(n, std::clamp<int64_t>(iy, 0, x.size(1) - 1),
                                                  std::clamp<int64_t>(ix, 0, x.size(2) - 1), c);
          }
      }
  return y;
}

}  // namespace pixelgrad::naive

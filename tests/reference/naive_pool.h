#pragma once
#include <cmath>
#include <limits>

#include "tests/reference/naive_array.h"

namespace pixelgrad::naive {

struct Window {
  int64_t kernel, stride, padding, dilation;
  int64_t output_size(int64_t in) const {
    int64_t size = 0;  // windows that fit into the padded axis
    while (size * stride + dilation * (kernel - 1) < in + 2 * padding) ++size;
    return size;
  }
};

/// Calls visit(y, x) for the pixels of the image under the window of output pixel (oy, ox), in
/// reading order.
template <class Visit>
void for_window(const Window& w, const Array& x, int64_t oy, int64_t ox, Visit visit) {
  for (int64_t r = 0; r < w.kernel; ++r)
    for (int64_t s = 0; s < w.kernel; ++s) {
      const int64_t iy = oy * w.stride + r * w.dilation - w.padding;
      const int64_t ix = ox * w.stride + s * w.dilation - w.padding;
      if (iy >= 0 && iy < x.size(1) && ix >= 0 && ix < x.size(2)) visit(iy, ix);
    }
}

inline Array max_pool(const Array& x, const Window& w) {
  Array y({x.size(0), w.output_size(x.size(1)), w.output_size(x.size(2)), x.size(3)});
  for (int64_t n = 0; n < y.size(0); ++n)
    for (int64_t oy = 0; oy < y.size(1); ++oy)
      for (int64_t ox = 0; ox < y.size(2); ++ox)
        for (int64_t c = 0; c < y.size(3); ++c) {
          double best = -std::numeric_limits<double>::infinity();
          for_window(w, x, oy, ox,
                     [&](int64_t iy, int64_t ix) { best = std::max(best, x.at(n, iy, ix, c)); });
          y.at(n, oy, ox, c) = best;
        }
  return y;
}

inline Array avg_pool(const Array& x, const Window& w, bool count_include_pad) {
  Array y({x.size(0), w.output_size(x.size(1)), w.output_size(x.size(2)), x.size(3)});
  for (int64_t n = 0; n < y.size(0); ++n)
    for (int64_t oy = 0; oy < y.size(1); ++oy)
      for (int64_t ox = 0; ox < y.size(2); ++ox)
        for (int64_t c = 0; c < y.size(3); ++c) {
          double total = 0;
          int64_t inside = 0;
          for_window(w, x, oy, ox, [&](int64_t iy, int64_t ix) {
            total += x.at(n, iy, ix, c);
            ++inside;
          });
          y.at(n, oy, ox, c) =
              total / static_cast<double>(count_include_pad ? w.kernel * w.kernel : inside);
        }
  return y;
}

}  // namespace pixelgrad::naive

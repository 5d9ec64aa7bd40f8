#pragma once
#include <algorithm>
#include <limits>
#include <vector>

#include "tests/reference/naive_array.h"
#include "tests/reference/naive_padding.h"

namespace pixelgrad::naive {

/// What an output coordinate of one axis looks at.
struct Window {
  std::vector<int64_t> pixels;  ///< inside the image
  int64_t padded = 0;           ///< how many, with those in the padding
};

struct SlidingWindow {
  int64_t kernel, stride, dilation;
  Sides padding;
  bool ceil_mode = false;
};

/// The windows along an axis of `in` pixels.
inline std::vector<Window> windows(const SlidingWindow& w, int64_t in) {
  const int64_t reach = w.dilation * (w.kernel - 1) + 1, end = in + w.padding.after;
  std::vector<Window> all;
  for (int64_t start = -w.padding.before;; start += w.stride) {
    const bool fits = start + reach <= end;
    const bool rest = start - w.stride + reach < end && start < in;  // what no window has reached
    if (!fits && !(w.ceil_mode && rest)) break;
    Window window;
    for (int64_t r = 0; r < w.kernel; ++r) {
      const int64_t i = start + r * w.dilation;
      if (i >= 0 && i < in) window.pixels.push_back(i);
      window.padded += i < end;
    }
    all.push_back(window);
  }
  return all;
}

/// `out` bins over an axis: those pixels that share some of their length with the out-th part of
/// it.
inline std::vector<Window> bins(int64_t in, int64_t out) {
  std::vector<Window> all(static_cast<size_t>(out));
  for (int64_t o = 0; o < out; ++o)
    for (int64_t i = 0; i < in; ++i)
      if (i * out < (o + 1) * in && (i + 1) * out > o * in)
        all[static_cast<size_t>(o)].pixels.push_back(i);
  return all;
}

/// f(values, rows, columns) for each output, with the values under its window.
template <class F>
Array pool(const Array& x, const std::vector<Window>& rows, const std::vector<Window>& columns,
           F f) {
  Array y({x.size(0), static_cast<int64_t>(rows.size()), static_cast<int64_t>(columns.size()),
           x.size(3)});
  for (int64_t n = 0; n < y.size(0); ++n)
    for (size_t oy = 0; oy < rows.size(); ++oy)
      for (size_t ox = 0; ox < columns.size(); ++ox)
        for (int64_t c = 0; c < y.size(3); ++c) {
          std::vector<double> values;
          for (int64_t iy : rows[oy].pixels)
            for (int64_t ix : columns[ox].pixels) values.push_back(x.at(n, iy, ix, c));
          y.at(n, static_cast<int64_t>(oy), static_cast<int64_t>(ox), c) =
              f(values, rows[oy], columns[ox]);
        }
  return y;
}

inline Array max_pool(const Array& x, const std::vector<Window>& rows,
                      const std::vector<Window>& columns) {
  return pool(x, rows, columns,
              [](const std::vector<double>& values, const Window&, const Window&) {
                double best = -std::numeric_limits<double>::infinity();
                for (double v : values) best = std::max(best, v);
                return best;
              });
}

inline Array avg_pool(const Array& x, const std::vector<Window>& rows,
                      const std::vector<Window>& columns, bool count_include_pad = false) {
  return pool(
      x, rows, columns, [=](const std::vector<double>& values, const Window& r, const Window& c) {
        double total = 0;
        for (double v : values) total += v;
        const auto inside = static_cast<int64_t>(values.size());
        return total / static_cast<double>(count_include_pad ? r.padded * c.padded : inside);
      });
}

}  // namespace pixelgrad::naive

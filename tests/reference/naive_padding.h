#pragma once
#include <cstdint>

namespace pixelgrad::naive {

/// Pixels before and behind an axis.
struct Sides {
  int64_t before = 0, after = 0;
};

/// "same" as Keras has it: a window at every stride-th pixel, and pixels added in turn behind and
/// before the image until the last window fits.
inline Sides same_padding(int64_t size, int64_t window, int64_t stride) {
  int64_t last = 0;  // where the last window begins
  while (last + stride < size) last += stride;
  Sides sides;
  while (last + window > size + sides.before + sides.after)
    ++(sides.after > sides.before ? sides.before : sides.after);
  return sides;
}

}  // namespace pixelgrad::naive

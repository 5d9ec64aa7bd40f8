#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "data/palette.h"

namespace pixelgrad {

/// ColorTable::nearest for millions of pixels, which JPEG has left with thousands of colours: the
/// answer for every colour, looked up.
///
/// RGB is cut into 32x32x32 cells of 8x8x8 colours. Most cells lie wholly in the reach of one
/// palette colour and share one block of 512 equal answers; those that a border runs through have a
/// block of their own. So a pixel costs two loads and no branch, and the blocks that an image needs
/// stay in the cache.
class NearestColors {
 public:
  /// Answers as colors.nearest(color, max_distance) does. Takes some ten milliseconds.
  NearestColors(const ColorTable& colors, double max_distance);

  uint8_t operator()(Rgb color) const { return id_of(color.data()); }

  /// ids[i] for the pixel of bytes rgb[3 i] to rgb[3 i + 2].
  void convert(std::span<const uint8_t> rgb, std::span<uint8_t> ids) const;

 private:
  uint8_t id_of(const uint8_t* c) const {
    const uint32_t cell = uint32_t{c[0]} >> 3 << 10 | uint32_t{c[1]} >> 3 << 5 | c[2] >> 3;
    const uint32_t place = (c[0] & 7u) << 6 | (c[1] & 7u) << 3 | (c[2] & 7u);
    return answers_[first_[cell] + place];
  }

  std::vector<uint32_t> first_;   // where a cell's block begins in answers_
  std::vector<uint8_t> answers_;  // blocks of 512
};

}  // namespace pixelgrad

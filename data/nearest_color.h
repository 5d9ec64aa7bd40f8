#pragma once
#include <array>
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
/// block of their own. So a pixel costs a few loads from tables that the caches hold, with the
/// blocks that an image needs, and no branch.
class NearestColors {
 public:
  /// Answers as colors.nearest(color, max_distance) does. Takes some ten milliseconds.
  NearestColors(const ColorTable& colors, double max_distance);

  uint8_t operator()(Rgb color) const {
    const uint32_t spot = spot_of(color.data());
    return answers_[first_[spot >> 16] + (spot & 0xFFFF)];
  }

  /// ids[i] for the pixel of bytes rgb[3 i] to rgb[3 i + 2].
  void convert(std::span<const uint8_t> rgb, std::span<uint8_t> ids) const;

 private:
  /// The number of the cell in the upper 16 bits, the place in it in the lower.
  uint32_t spot_of(const uint8_t* c) const {
    return spots_[0][c[0]] + spots_[1][c[1]] + spots_[2][c[2]];
  }

  std::array<std::array<uint32_t, 256>, 3> spots_;  // what a value of each channel adds to the spot
  std::vector<uint32_t> first_;                     // where a cell's block begins in answers_
  std::vector<uint8_t> answers_;                    // blocks of 512
};

}  // namespace pixelgrad

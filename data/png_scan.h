#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace pixelgrad {

/// What a PNG says of itself (PNG specification, third edition, sections 5 and 11).
struct PngHeader {
  int64_t height = 0, width = 0;
  int bit_depth = 0;
  int color_type = 0;  ///< 0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6 RGBA
  bool interlaced = false;

  int samples() const;             ///< a pixel: 1 to 4
  int64_t filtered_bytes() const;  ///< of the inflated data; an upper bound when interlaced
};

/// Whether the bytes begin with the PNG signature.
bool is_png(std::span<const uint8_t> bytes);

/// The header chunk. Throws DataError naming `name` on a bad field or a size over the limits of
/// image_io.h.
PngHeader read_png_header(std::span<const uint8_t> bytes, const std::string& name);

/// Walks all chunks before any decoder may see them: order, lengths, checksums, palette size, and
/// whether as much compressed data is there as the declared size calls for (not a thousandth, not
/// many times as much: either is a bomb). Throws DataError naming `name`.
PngHeader scan_png(std::span<const uint8_t> bytes, const std::string& name);

}  // namespace pixelgrad

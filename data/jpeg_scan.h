#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace pixelgrad {

/// What a JPEG's frame header says (ITU-T T.81, B.2.2).
struct JpegHeader {
  int64_t height = 0, width = 0;
  int components = 0;  ///< 1 gray, 3 colour, 4 CMYK
  bool progressive = false;
};

/// Whether the bytes begin with a JPEG start marker.
bool is_jpeg(std::span<const uint8_t> bytes);

/// The frame header; stops there. Throws DataError naming `name`.
JpegHeader read_jpeg_header(std::span<const uint8_t> bytes, const std::string& name);

/// Walks all markers before the decoder may see them, since stb_image 2.27 trusts Huffman tables:
/// code counts that overflow its arrays, tables that are used but never defined, several frames,
/// sizes over the limits of image_io.h or far beyond what the data can hold, and a missing end
/// marker throw DataError naming `name`. Accepted are 8-bit Huffman-coded baseline, extended and
/// progressive files.
JpegHeader scan_jpeg(std::span<const uint8_t> bytes, const std::string& name);

}  // namespace pixelgrad

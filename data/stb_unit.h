#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/image.h"

namespace pixelgrad {

/// The one door to stb_image, which must not meet bytes that scan_png or scan_jpeg has not passed.
/// Decodes to 8-bit RGB. The decoder may hold `memory_budget` bytes at a time, and every byte it
/// gets is zero, so that what a damaged file leaves unwritten is the same on every run. Throws
/// DataError naming `name`.
Image decode_with_stb(std::span<const uint8_t> bytes, int64_t memory_budget,
                      const std::string& name);

/// A gray or RGB image as a baseline JPEG by stb_image_write.
std::vector<uint8_t> encode_jpeg_with_stb(const Image& image, int quality);

}  // namespace pixelgrad

#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/image.h"

namespace pixelgrad {

/// Samples of a PNG as its file holds them; see decode_png_samples.
struct PngSamples {
  int64_t height = 0, width = 0;
  int bit_depth = 0;           ///< in the file
  int color_type = 0;          ///< in the file, as PngHeader::color_type
  int samples = 0;             ///< a pixel: 1, or 3 of RGB (alpha is dropped)
  int sample_bytes = 0;        ///< 1, or 2 in machine order (only of gray)
  std::vector<uint8_t> bytes;  ///< height * width * samples * sample_bytes
  std::vector<Rgb> palette;
};

/// Decodes by libpng without any change of values: palette indices stay indices, 1-, 2- and 4-bit
/// samples are unpacked but not scaled, 16-bit gray keeps its bits; only 16-bit RGB loses its lower
/// bytes. Throws DataError naming `name`.
PngSamples decode_png_samples(std::span<const uint8_t> bytes, const std::string& name);

/// 8-bit pixels as a PNG by libpng: with `palette` they are indices (1 channel), else gray or RGB.
/// Throws DataError naming `name` on empty or oversized images and other channel counts.
std::vector<uint8_t> encode_png_samples(int64_t height, int64_t width, int64_t channels,
                                        std::span<const uint8_t> pixels,
                                        std::span<const Rgb> palette, const std::string& name);

}  // namespace pixelgrad

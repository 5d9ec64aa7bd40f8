#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/image.h"

namespace pixelgrad {

/// A PNG mask with the values that the file holds: gray levels and palette indices are not scaled
/// or turned into colours, for they may be class ids.
struct RawMask {
  enum class Kind { gray, palette, rgb, rgba };
  Kind kind = Kind::gray;
  int64_t height = 0, width = 0;
  int bit_depth = 0;             ///< in the file: 1, 2, 4, 8 or 16 bits a sample
  std::vector<uint16_t> values;  ///< gray, palette: one a pixel. An alpha beside gray is dropped
  std::vector<Rgb> palette;      ///< palette: the colours in the file, which may be fewer than used
  std::vector<uint8_t> rgb;      ///< rgb, rgba: three a pixel; upper 8 of 16 bits, alpha dropped
};

/// Reads a PNG mask. Throws DataError naming the file on anything that is not a whole, sound PNG
/// within the limits of image_io.h; JPEG masks are read with read_image.
RawMask read_mask(const std::filesystem::path& path);
RawMask decode_mask(std::span<const uint8_t> bytes, const std::string& name);

/// Class ids as an 8-bit gray PNG.
void write_label_png(const std::filesystem::path& path, const LabelMap& labels);

/// Class ids as an 8-bit palette PNG that viewers show in `colors`; ignore_label shows black.
/// Readers that keep indices get the ids back. Throws DataError when an id has no colour.
void write_palette_png(const std::filesystem::path& path, const LabelMap& labels,
                       std::span<const Rgb> colors);

/// Labels in their colours, RGB; ignore_label is black. Throws DataError when an id has no colour.
Image colorize(const LabelMap& labels, std::span<const Rgb> colors);

/// `image` (gray or RGB) blended with the class colours, `alpha` of the colour, and dark borders
/// where classes meet. Pixels with ignore_label keep the photo.
Image overlay(const Image& image, const LabelMap& labels, std::span<const Rgb> colors,
              double alpha = 0.5);

}  // namespace pixelgrad

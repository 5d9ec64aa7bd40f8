#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/image.h"

namespace pixelgrad {

/// Limits on every image and mask that is read. A file that declares more is refused before
/// anything is allocated for it.
inline constexpr int64_t max_image_side = 32768;
inline constexpr int64_t max_image_pixels = int64_t{1} << 27;
inline constexpr int64_t max_image_file_bytes = int64_t{1} << 29;

/// Reads a PNG or JPEG photo as 8-bit RGB: gray is replicated, of 16 bits the upper 8 are kept,
/// alpha is dropped (not blended), EXIF orientation is not applied. The file may come from a
/// stranger: memory is bounded by the declared size, and whatever is wrong is a DataError that
/// names the file.
Image read_image(const std::filesystem::path& path);

/// The same for bytes in memory; `name` stands for the file in messages.
Image decode_image(std::span<const uint8_t> bytes, const std::string& name);

struct ImageSize {
  int64_t height = 0, width = 0;
  bool operator==(const ImageSize&) const = default;
};

/// Height and width from the header of a PNG or JPEG; reads no pixels. DataError as read_image.
ImageSize image_size(const std::filesystem::path& path);

/// A gray (1 channel) or RGB (3 channels) image as a PNG file. Equal images give equal bytes.
std::vector<uint8_t> encode_png(const Image& image);
/// Writes encode_png(image) whole or not at all.
void write_png(const std::filesystem::path& path, const Image& image);

/// Writes a gray or RGB image as a baseline JPEG, quality 1 to 100; above 90 colours are not
/// subsampled. Whole or not at all.
void write_jpeg(const std::filesystem::path& path, const Image& image, int quality = 95);

}  // namespace pixelgrad

#include "data/image_io.h"

#include <fstream>

#include "data/file_io.h"
#include "data/jpeg_scan.h"
#include "data/png_codec.h"
#include "data/png_scan.h"
#include "data/stb_unit.h"
#include "tensor/check.h"

namespace pixelgrad {
namespace fs = std::filesystem;
namespace {
constexpr int64_t decoder_state_bytes = 1 << 20;

/// What stb_image holds at most while it decodes a sound PNG of this header: compressed data that
/// doubles as it grows, inflated data, and three generations of pixels (unfiltered, palette or 16
/// bit, RGB). A bomb that inflates to more runs into it.
int64_t png_budget(const PngHeader& h, int64_t file_bytes) {
  const int64_t pixel_bytes = h.bit_depth == 16 ? 8 : 4;
  // Its first guess at the inflated size counts each sample of a pixel as a whole row.
  const int64_t inflated = 2 * (h.filtered_bytes() * h.samples() + h.height);
  return decoder_state_bytes + 3 * file_bytes + inflated + 3 * h.height * h.width * pixel_bytes;
}

/// Planes and coefficients of up to 4 components, padded to whole 32 x 32 units, and the output.
int64_t jpeg_budget(const JpegHeader& h) {
  return decoder_state_bytes + (h.height + 64) * (h.width + 64) * (4 * (1 + 2) + 4);
}

[[noreturn]] void refuse(const std::string& name) {
  throw DataError(str("[read_image] ", name, ": neither a PNG nor a JPEG file"));
}

std::vector<uint8_t> encode(const Image& image, const std::string& name) {
  return encode_png_samples(image.height, image.width, image.channels, image.pixels, {}, name);
}

}  // namespace

Image decode_image(std::span<const uint8_t> bytes, const std::string& name) {
  const auto size = static_cast<int64_t>(bytes.size());
  check<DataError>(size <= max_image_file_bytes, "[read_image] ", name, ": ", size,
                   " bytes, expected at most ", max_image_file_bytes);
  if (is_png(bytes)) {
    return decode_with_stb(bytes, png_budget(scan_png(bytes, name), size), name);
  }
  if (is_jpeg(bytes)) return decode_with_stb(bytes, jpeg_budget(scan_jpeg(bytes, name)), name);
  refuse(name);
}

Image read_image(const fs::path& path) {
  return decode_image(read_file(path, max_image_file_bytes), path.string());
}

ImageSize image_size(const fs::path& path) {
  // A PNG header stands first; in a JPEG up to 15 application segments of 64 KiB may come before.
  constexpr int64_t enough = 1 << 20;
  std::error_code error;
  check<DataError>(fs::is_regular_file(path, error), "[read_image] ", path.string(),
                   ": no such file");
  std::ifstream in(path, std::ios::binary);
  std::vector<uint8_t> bytes(enough);
  in.read(reinterpret_cast<char*>(bytes.data()), enough);
  bytes.resize(static_cast<size_t>(in.gcount()));
  if (is_png(bytes)) {
    const PngHeader h = read_png_header(bytes, path.string());
    return {h.height, h.width};
  }
  if (is_jpeg(bytes)) {
    const JpegHeader h = read_jpeg_header(bytes, path.string());
    return {h.height, h.width};
  }
  refuse(path.string());
}

std::vector<uint8_t> encode_png(const Image& image) { return encode(image, "image"); }

void write_png(const fs::path& path, const Image& image) {
  write_file(path, encode(image, path.string()));
}

void write_jpeg(const fs::path& path, const Image& image, int quality) {
  const int64_t h = image.height, w = image.width, c = image.channels;
  check<DataError>(h >= 1 && w >= 1 && h <= max_image_side && w <= max_image_side &&
                       (c == 1 || c == 3) && static_cast<int64_t>(image.pixels.size()) == h * w * c,
                   "[write_jpeg] ", path.string(), ": image is ", w, " x ", h, " with ", c,
                   " channels and ", image.pixels.size(), " bytes, expected 1 or 3 channels");
  check<UsageError>(quality >= 1 && quality <= 100, "[write_jpeg] quality ", quality,
                    ", expected 1 to 100");
  write_file(path, encode_jpeg_with_stb(image, quality));
}

}  // namespace pixelgrad

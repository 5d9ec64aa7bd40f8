#include "data/png_scan.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "data/image_io.h"
#include "tensor/check.h"

namespace pixelgrad {
namespace {
constexpr std::array<uint8_t, 8> signature = {137, 'P', 'N', 'G', 13, 10, 26, 10};
constexpr int64_t chunk_overhead = 12;  // length, type, checksum
/// Deflate turns at most 1032 bytes into one.
constexpr int64_t max_deflate_ratio = 1032;
/// Compressed data may exceed the plain data, but by little: room for small stored blocks.
constexpr int64_t compressed_slack = 1 << 16;

uint32_t big_endian(std::span<const uint8_t> bytes, int64_t at) {
  const uint8_t* p = bytes.data() + at;
  return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | p[3];
}

bool depth_fits(int color_type, int depth) {
  switch (color_type) {
    case 0:
      return depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
    case 3:
      return depth == 1 || depth == 2 || depth == 4 || depth == 8;
    case 2:
    case 4:
    case 6:
      return depth == 8 || depth == 16;
    default:
      return false;
  }
}

/// A chunk whose length and checksum were found right.
struct Chunk {
  std::string_view type;
  std::span<const uint8_t> payload;
};

/// The chunk at `at`, which moves past it.
Chunk next_chunk(std::span<const uint8_t> bytes, int64_t& at, const std::string& name) {
  const auto size = static_cast<int64_t>(bytes.size());
  check<DataError>(size - at >= chunk_overhead, "[png] ", name, ": ends at byte ", size,
                   " inside a chunk header, expected an IEND chunk");
  const int64_t length = big_endian(bytes, at);
  check<DataError>(length <= size - at - chunk_overhead, "[png] ", name, ": chunk at byte ", at,
                   " declares ", length, " bytes, but the file has only ",
                   size - at - chunk_overhead, " more");
  const auto begin = static_cast<size_t>(at);
  const Chunk chunk{{reinterpret_cast<const char*>(bytes.data()) + begin + 4, 4},
                    bytes.subspan(begin + 8, static_cast<size_t>(length))};
  const bool letters = std::all_of(chunk.type.begin(), chunk.type.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
  check<DataError>(letters, "[png] ", name, ": no chunk type at byte ", at + 4);
  const auto sum = crc32(0, bytes.data() + begin + 4, static_cast<uInt>(length + 4));
  check<DataError>(sum == big_endian(bytes, at + 8 + length), "[png] ", name, ": ", chunk.type,
                   " chunk at byte ", at, " is damaged (checksum differs)");
  at += length + chunk_overhead;
  return chunk;
}

PngHeader parse_header(const Chunk& chunk, const std::string& name) {
  check<DataError>(chunk.type == "IHDR" && chunk.payload.size() == 13, "[png] ", name,
                   ": begins with a ", chunk.type, " chunk of ", chunk.payload.size(),
                   " bytes, expected IHDR of 13");
  PngHeader h;
  h.width = big_endian(chunk.payload, 0);
  h.height = big_endian(chunk.payload, 4);
  h.bit_depth = chunk.payload[8];
  h.color_type = chunk.payload[9];
  check<DataError>(h.width >= 1 && h.height >= 1 && h.width <= max_image_side &&
                       h.height <= max_image_side && h.width * h.height <= max_image_pixels,
                   "[png] ", name, ": size is ", h.width, " x ", h.height, ", expected 1 to ",
                   max_image_side, " a side and at most ", max_image_pixels, " pixels");
  check<DataError>(depth_fits(h.color_type, h.bit_depth), "[png] ", name, ": bit depth ",
                   h.bit_depth, " with color type ", h.color_type, " is not in the PNG standard");
  check<DataError>(chunk.payload[10] == 0 && chunk.payload[11] == 0 && chunk.payload[12] <= 1,
                   "[png] ", name, ": unknown compression, filter or interlace method");
  h.interlaced = chunk.payload[12] == 1;
  return h;
}

void check_data_size(const PngHeader& h, int64_t compressed, const std::string& name) {
  const int64_t plain = h.filtered_bytes();
  check<DataError>(compressed * max_deflate_ratio + compressed_slack >= plain, "[png] ", name, ": ",
                   compressed, " bytes of image data cannot hold ", h.width, " x ", h.height,
                   " pixels");
  check<DataError>(compressed <= 2 * plain + compressed_slack, "[png] ", name, ": ", compressed,
                   " bytes of image data are too many for ", h.width, " x ", h.height, " pixels");
}
}  // namespace

int PngHeader::samples() const {
  switch (color_type) {
    case 2:
      return 3;
    case 4:
      return 2;
    case 6:
      return 4;
    default:
      return 1;
  }
}

int64_t PngHeader::filtered_bytes() const {
  const int64_t row = (width * samples() * bit_depth + 7) / 8 + 1;
  // The seven passes have up to 15/8 as many rows, and as many filter and padding bytes more.
  return interlaced ? height * (row + 14) + 64 : height * row;
}

bool is_png(std::span<const uint8_t> bytes) {
  return bytes.size() >= signature.size() &&
         std::equal(signature.begin(), signature.end(), bytes.begin());
}

PngHeader read_png_header(std::span<const uint8_t> bytes, const std::string& name) {
  check<DataError>(is_png(bytes), "[png] ", name, ": no PNG signature");
  int64_t at = signature.size();
  return parse_header(next_chunk(bytes, at, name), name);
}

PngHeader scan_png(std::span<const uint8_t> bytes, const std::string& name) {
  check<DataError>(is_png(bytes), "[png] ", name, ": no PNG signature");
  int64_t at = signature.size();
  const PngHeader header = parse_header(next_chunk(bytes, at, name), name);
  bool palette = false, data = false, data_ended = false;
  int64_t compressed = 0;
  for (;;) {
    const Chunk chunk = next_chunk(bytes, at, name);
    const auto length = static_cast<int64_t>(chunk.payload.size());
    if (data && chunk.type != "IDAT") data_ended = true;
    if (chunk.type == "IEND") break;
    if (chunk.type == "IDAT") {
      check<DataError>(!data_ended, "[png] ", name, ": IDAT chunks are not in one row");
      check<DataError>(palette || header.color_type != 3, "[png] ", name,
                       ": palette image without a palette");
      data = true;
      compressed += length;
    } else if (chunk.type == "PLTE") {
      const int64_t most = header.color_type == 3 ? int64_t{1} << header.bit_depth : 256;
      check<DataError>(!palette && !data, "[png] ", name, ": second or late PLTE chunk");
      check<DataError>(length >= 3 && length % 3 == 0 && length <= 3 * most, "[png] ", name,
                       ": palette of ", length, " bytes, expected 3 for each of 1 to ", most,
                       " colours");
      palette = true;
    } else {
      const bool critical = (chunk.type[0] & 0x20) == 0;
      check<DataError>(!critical, "[png] ", name, ": unknown critical chunk ", chunk.type);
    }
  }
  check<DataError>(compressed > 0, "[png] ", name, ": no image data");
  check_data_size(header, compressed, name);
  return header;
}

}  // namespace pixelgrad

#pragma once
#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace pixelgrad::testing {

using Bytes = std::vector<uint8_t>;

inline void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

inline Bytes big_endian(uint32_t v) {
  return {static_cast<uint8_t>(v >> 24), static_cast<uint8_t>(v >> 16),
          static_cast<uint8_t>(v >> 8), static_cast<uint8_t>(v)};
}

inline Bytes deflate(const Bytes& plain) {
  uLongf size = compressBound(plain.size());
  Bytes out(size);
  compress2(out.data(), &size, plain.data(), plain.size(), 9);
  out.resize(size);
  return out;
}

/// Length, type, payload and a right checksum.
inline Bytes chunk(const std::string& type, const Bytes& payload) {
  Bytes body(type.begin(), type.end());
  append(body, payload);
  Bytes out = big_endian(static_cast<uint32_t>(payload.size()));
  append(out, body);
  append(out,
         big_endian(static_cast<uint32_t>(crc32(0, body.data(), static_cast<uInt>(body.size())))));
  return out;
}

inline Bytes signature() { return {137, 'P', 'N', 'G', 13, 10, 26, 10}; }

inline Bytes header(uint32_t width, uint32_t height, int depth, int color_type, int interlace = 0) {
  Bytes payload = big_endian(width);
  append(payload, big_endian(height));
  append(payload, {static_cast<uint8_t>(depth), static_cast<uint8_t>(color_type), 0, 0,
                   static_cast<uint8_t>(interlace)});
  return chunk("IHDR", payload);
}

/// Samples of one row, packed into bytes with the first sample in the high bits (PNG, section 7.2).
inline Bytes pack_row(const std::vector<int>& samples, int depth) {
  Bytes row;
  if (depth == 16) {
    for (int v : samples) append(row, {static_cast<uint8_t>(v >> 8), static_cast<uint8_t>(v)});
    return row;
  }
  row.assign((samples.size() * static_cast<size_t>(depth) + 7) / 8, 0);
  for (size_t i = 0; i < samples.size(); ++i) {
    const size_t bit = i * static_cast<size_t>(depth);
    row[bit / 8] |= static_cast<uint8_t>(samples[i] << (8 - depth - static_cast<int>(bit % 8)));
  }
  return row;
}

/// A whole PNG, written without libpng: `samples` holds height * width * (samples a pixel) numbers.
inline Bytes build_png(uint32_t width, uint32_t height, int depth, int color_type,
                       const std::vector<int>& samples, const Bytes& palette = {}) {
  const size_t per_row = samples.size() / height;
  Bytes plain;
  for (size_t y = 0; y < height; ++y) {
    plain.push_back(0);  // no filter
    append(plain, pack_row({samples.begin() + static_cast<std::ptrdiff_t>(y * per_row),
                            samples.begin() + static_cast<std::ptrdiff_t>((y + 1) * per_row)},
                           depth));
  }
  Bytes png = signature();
  append(png, header(width, height, depth, color_type));
  if (!palette.empty()) append(png, chunk("PLTE", palette));
  append(png, chunk("IDAT", deflate(plain)));
  append(png, chunk("IEND", {}));
  return png;
}

}  // namespace pixelgrad::testing

#include "data/png_codec.h"

#include <png.h>

#include <algorithm>
#include <bit>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "data/image_io.h"
#include "data/png_scan.h"
#include "tensor/check.h"

// libpng reports an error by longjmp. Each function below that calls setjmp owns nothing with a
// destructor: what outlives the call sits in a session object of its caller.

namespace pixelgrad {
namespace {
constexpr png_alloc_size_t max_ancillary_bytes = 8 << 20;  // for text and profiles, which we drop
constexpr png_uint_32 max_ancillary_chunks = 128;

struct Failure {
  char message[160] = "";
};

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* failure = static_cast<Failure*>(png_get_error_ptr(png));
  std::snprintf(failure->message, sizeof(failure->message), "%s", message);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

struct ReadSession {
  explicit ReadSession(std::span<const uint8_t> source) : left(source) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &failure, on_error, on_warning);
    if (png != nullptr) info = png_create_info_struct(png);
  }
  ReadSession(const ReadSession&) = delete;
  ReadSession& operator=(const ReadSession&) = delete;
  ~ReadSession() { png_destroy_read_struct(&png, &info, nullptr); }

  Failure failure;
  std::span<const uint8_t> left;
  png_structp png = nullptr;
  png_infop info = nullptr;
};

void take_bytes(png_structp png, png_bytep out, size_t n) {
  auto& left = *static_cast<std::span<const uint8_t>*>(png_get_io_ptr(png));
  if (n > left.size()) png_error(png, "ends early");
  std::memcpy(out, left.data(), n);
  left = left.subspan(n);
}

/// Reads the header and asks libpng for unpacked samples without alpha.
bool start_reading(ReadSession& s) {
  if (setjmp(png_jmpbuf(s.png))) return false;
  png_set_read_fn(s.png, &s.left, take_bytes);
  png_set_user_limits(s.png, max_image_side, max_image_side);
  png_set_chunk_malloc_max(s.png, max_ancillary_bytes);
  png_set_chunk_cache_max(s.png, max_ancillary_chunks);
  png_read_info(s.png, s.info);
  const int type = png_get_color_type(s.png, s.info);
  const int depth = png_get_bit_depth(s.png, s.info);
  if (depth < 8) png_set_packing(s.png);
  if (depth == 16 && (type & PNG_COLOR_MASK_COLOR)) png_set_strip_16(s.png);
  if (depth == 16 && std::endian::native == std::endian::little) png_set_swap(s.png);
  if (type & PNG_COLOR_MASK_ALPHA) png_set_strip_alpha(s.png);
  png_set_interlace_handling(s.png);
  png_read_update_info(s.png, s.info);
  return true;
}

bool read_rows(ReadSession& s, uint8_t** rows) {
  if (setjmp(png_jmpbuf(s.png))) return false;
  png_read_image(s.png, rows);
  png_read_end(s.png, nullptr);
  return true;
}

struct WriteSession {
  WriteSession() {
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &failure, on_error, on_warning);
    if (png != nullptr) info = png_create_info_struct(png);
  }
  WriteSession(const WriteSession&) = delete;
  WriteSession& operator=(const WriteSession&) = delete;
  ~WriteSession() { png_destroy_write_struct(&png, &info); }

  Failure failure;
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::vector<uint8_t> bytes;
};

void append_bytes(png_structp png, png_bytep data, size_t n) {
  auto& bytes = *static_cast<std::vector<uint8_t>*>(png_get_io_ptr(png));
  // An exception must not pass through libpng's frames.
  try {
    bytes.insert(bytes.end(), data, data + n);
  } catch (const std::exception&) {
    png_error(png, "out of memory");
  }
}

bool write_all(WriteSession& s, png_uint_32 height, png_uint_32 width, int color_type,
               std::span<const Rgb> palette, const uint8_t* pixels, size_t row_bytes) {
  if (setjmp(png_jmpbuf(s.png))) return false;
  png_set_write_fn(s.png, &s.bytes, append_bytes, nullptr);
  png_set_user_limits(s.png, max_image_side, max_image_side);
  png_set_IHDR(s.png, s.info, width, height, 8, color_type, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (color_type == PNG_COLOR_TYPE_PALETTE) {
    png_color colors[256];
    for (size_t i = 0; i < palette.size(); ++i) {
      colors[i] = {palette[i][0], palette[i][1], palette[i][2]};
    }
    png_set_PLTE(s.png, s.info, colors, static_cast<int>(palette.size()));
  }
  png_write_info(s.png, s.info);
  for (png_uint_32 y = 0; y < height; ++y) png_write_row(s.png, pixels + y * row_bytes);
  png_write_end(s.png, s.info);
  return true;
}

}  // namespace

PngSamples decode_png_samples(std::span<const uint8_t> bytes, const std::string& name) {
  const PngHeader header = scan_png(bytes, name);
  ReadSession session(bytes);
  check<DataError>(session.info != nullptr, "[png] ", name, ": libpng has no memory");
  check<DataError>(start_reading(session), "[png] ", name, ": ", session.failure.message);

  PngSamples out;
  out.height = header.height;
  out.width = header.width;
  out.bit_depth = header.bit_depth;
  out.color_type = header.color_type;
  out.samples =
      header.color_type == PNG_COLOR_TYPE_RGB || header.color_type == PNG_COLOR_TYPE_RGBA ? 3 : 1;
  out.sample_bytes = header.bit_depth == 16 && out.samples == 1 ? 2 : 1;
  const auto row_bytes = static_cast<size_t>(out.width * out.samples * out.sample_bytes);
  check<DataError>(png_get_rowbytes(session.png, session.info) == row_bytes, "[png] ", name,
                   ": libpng gives ", png_get_rowbytes(session.png, session.info),
                   " bytes a row, expected ", row_bytes);
  out.bytes.resize(static_cast<size_t>(out.height) * row_bytes);
  std::vector<uint8_t*> rows(static_cast<size_t>(out.height));
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = out.bytes.data() + y * row_bytes;
  check<DataError>(read_rows(session, rows.data()), "[png] ", name, ": ", session.failure.message);

  png_colorp colors = nullptr;
  int count = 0;
  if (png_get_PLTE(session.png, session.info, &colors, &count)) {
    for (int i = 0; i < count; ++i) {
      out.palette.push_back({colors[i].red, colors[i].green, colors[i].blue});
    }
  }
  return out;
}

std::vector<uint8_t> encode_png_samples(int64_t height, int64_t width, int64_t channels,
                                        std::span<const uint8_t> pixels,
                                        std::span<const Rgb> palette, const std::string& name) {
  check<DataError>(height >= 1 && width >= 1 && height <= max_image_side && width <= max_image_side,
                   "[write_png] ", name, ": size is ", width, " x ", height, ", expected 1 to ",
                   max_image_side, " a side");
  check<DataError>(channels == 1 || (channels == 3 && palette.empty()), "[write_png] ", name, ": ",
                   channels, " channels, expected 1 or 3");
  check<DataError>(static_cast<int64_t>(pixels.size()) == height * width * channels, "[write_png] ",
                   pixels.size(), " bytes, expected ", height * width * channels);
  check<DataError>(palette.size() <= 256, "[write_png] ", name, ": ", palette.size(),
                   " colours, expected at most 256");
  const int type = !palette.empty() ? PNG_COLOR_TYPE_PALETTE
                   : channels == 3  ? PNG_COLOR_TYPE_RGB
                                    : PNG_COLOR_TYPE_GRAY;
  WriteSession session;
  check<DataError>(session.info != nullptr, "[write_png] ", name, ": libpng has no memory");
  check<DataError>(
      write_all(session, static_cast<png_uint_32>(height), static_cast<png_uint_32>(width), type,
                palette, pixels.data(), static_cast<size_t>(width * channels)),
      "[write_png] ", name, ": ", session.failure.message);
  return std::move(session.bytes);
}

}  // namespace pixelgrad

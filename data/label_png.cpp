#include "data/label_png.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "data/file_io.h"
#include "data/image_io.h"
#include "data/png_codec.h"
#include "tensor/check.h"

namespace pixelgrad {
namespace {
constexpr Rgb no_color = {0, 0, 0};

RawMask::Kind kind_of(int color_type) {
  switch (color_type) {
    case 2:
      return RawMask::Kind::rgb;
    case 3:
      return RawMask::Kind::palette;
    case 6:
      return RawMask::Kind::rgba;
    default:
      return RawMask::Kind::gray;
  }
}

/// Throws when an id other than ignore_label has no colour; names its first pixel.
/// `where` begins the message.
void check_colors(const std::string& where, const LabelMap& labels, std::span<const Rgb> colors) {
  const auto bad = std::find_if(labels.ids.begin(), labels.ids.end(), [&](uint8_t id) {
    return id >= colors.size() && id != ignore_label;
  });
  if (bad == labels.ids.end()) return;
  const int64_t at = bad - labels.ids.begin();
  throw DataError(str(where, "label ", int{*bad}, " at pixel (", at % labels.width, ", ",
                      at / labels.width, ") has no colour, expected 0 to ",
                      static_cast<int64_t>(colors.size()) - 1, " or ", int{ignore_label}));
}

const Rgb& color_of(uint8_t id, std::span<const Rgb> colors) {
  return id < colors.size() ? colors[id] : no_color;
}

/// Whether the label differs from the one to the right, left, above or below.
bool on_border(const LabelMap& labels, int64_t y, int64_t x) {
  const uint8_t id = labels.at(y, x);
  return (x > 0 && labels.at(y, x - 1) != id) || (y > 0 && labels.at(y - 1, x) != id) ||
         (x + 1 < labels.width && labels.at(y, x + 1) != id) ||
         (y + 1 < labels.height && labels.at(y + 1, x) != id);
}
}  // namespace

RawMask decode_mask(std::span<const uint8_t> bytes, const std::string& name) {
  PngSamples png = decode_png_samples(bytes, name);
  RawMask mask;
  mask.kind = kind_of(png.color_type);
  mask.height = png.height;
  mask.width = png.width;
  mask.bit_depth = png.bit_depth;
  if (mask.kind == RawMask::Kind::palette) mask.palette = std::move(png.palette);
  if (png.samples == 3) {
    mask.rgb = std::move(png.bytes);
  } else {
    mask.values.resize(static_cast<size_t>(png.height * png.width));
    if (png.sample_bytes == 2) {
      std::memcpy(mask.values.data(), png.bytes.data(), png.bytes.size());
    } else {
      std::copy(png.bytes.begin(), png.bytes.end(), mask.values.begin());
    }
  }
  return mask;
}

RawMask read_mask(const std::filesystem::path& path) {
  return decode_mask(read_file(path, max_image_file_bytes), path.string());
}

void write_label_png(const std::filesystem::path& path, const LabelMap& labels) {
  write_file(path,
             encode_png_samples(labels.height, labels.width, 1, labels.ids, {}, path.string()));
}

void write_palette_png(const std::filesystem::path& path, const LabelMap& labels,
                       std::span<const Rgb> colors) {
  check_colors("[write_palette_png] " + path.string() + ": ", labels, colors);
  std::vector<Rgb> palette(colors.begin(), colors.end());
  const bool ignored =
      std::find(labels.ids.begin(), labels.ids.end(), ignore_label) != labels.ids.end();
  if (ignored || palette.empty()) palette.resize(std::max<size_t>(palette.size(), 256), no_color);
  write_file(
      path, encode_png_samples(labels.height, labels.width, 1, labels.ids, palette, path.string()));
}

Image colorize(const LabelMap& labels, std::span<const Rgb> colors) {
  check_colors("[colorize] ", labels, colors);
  Image image(labels.height, labels.width, 3);
  uint8_t* out = image.pixels.data();
  for (uint8_t id : labels.ids) out = std::ranges::copy(color_of(id, colors), out).out;
  return image;
}

Image overlay(const Image& image, const LabelMap& labels, std::span<const Rgb> colors,
              double alpha) {
  check<DataError>(image.height == labels.height && image.width == labels.width &&
                       (image.channels == 1 || image.channels == 3),
                   "[overlay] image is ", image.width, " x ", image.height, " with ",
                   image.channels, " channels, labels are ", labels.width, " x ", labels.height,
                   ", expected equal sizes and 1 or 3 channels");
  check<UsageError>(alpha >= 0 && alpha <= 1, "[overlay] alpha ", alpha, ", expected 0 to 1");
  check_colors("[overlay] ", labels, colors);
  constexpr double border_shade = 0.4;
  Image out(image.height, image.width, 3);
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      const uint8_t id = labels.at(y, x);
      const double share = id == ignore_label ? 0 : alpha;
      const double shade = on_border(labels, y, x) ? border_shade : 1;
      const Rgb& color = color_of(id, colors);
      for (int64_t c = 0; c < 3; ++c) {
        const double photo = image.at(y, x)[image.channels == 3 ? c : 0];
        const double mixed = (1 - share) * photo + share * color[static_cast<size_t>(c)];
        out.at(y, x)[c] = static_cast<uint8_t>(std::lround(shade * mixed));
      }
    }
  }
  return out;
}

}  // namespace pixelgrad

#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pixelgrad {

/// Red, green, blue, 8 bits each.
using Rgb = std::array<uint8_t, 3>;

/// The label of a pixel that belongs to no class: it adds nothing to a loss or a metric.
inline constexpr uint8_t ignore_label = 255;

/// An 8-bit picture, rows from the top, channels innermost: pixels[(y * width + x) * channels + c].
struct Image {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;

  Image() = default;
  /// A black image.
  Image(int64_t h, int64_t w, int64_t c)
      : height(h), width(w), channels(c), pixels(static_cast<size_t>(h * w * c)) {}

  /// The first channel of pixel (y, x). No bounds check.
  uint8_t* at(int64_t y, int64_t x) { return &pixels[index(y, x)]; }
  const uint8_t* at(int64_t y, int64_t x) const { return &pixels[index(y, x)]; }

  bool operator==(const Image&) const = default;

 private:
  size_t index(int64_t y, int64_t x) const {
    return static_cast<size_t>((y * width + x) * channels);
  }
};

/// One class id a pixel, rows from the top: ids[y * width + x].
struct LabelMap {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> ids;

  LabelMap() = default;
  LabelMap(int64_t h, int64_t w, uint8_t fill = 0)
      : height(h), width(w), ids(static_cast<size_t>(h * w), fill) {}

  /// The id of pixel (y, x). No bounds check.
  uint8_t& at(int64_t y, int64_t x) { return ids[static_cast<size_t>(y * width + x)]; }
  uint8_t at(int64_t y, int64_t x) const { return ids[static_cast<size_t>(y * width + x)]; }

  bool operator==(const LabelMap&) const = default;
};

}  // namespace pixelgrad

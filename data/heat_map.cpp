#include "data/heat_map.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace pixelgrad {
namespace {

constexpr Rgb zero_color{58, 62, 66};

/// The map at brightness 0, 1/8, ... 1; colors between them are mixed.
constexpr std::array<Rgb, 9> anchors{{{0, 0, 4},
                                      {29, 17, 71},
                                      {81, 18, 124},
                                      {130, 38, 129},
                                      {182, 54, 121},
                                      {230, 81, 100},
                                      {251, 136, 97},
                                      {254, 194, 135},
                                      {252, 253, 191}}};

double brightness(double value, double largest, const HeatMapOptions& options) {
  const double share = value / largest;
  switch (options.scale) {
    case HeatScale::linear:
      return share;
    case HeatScale::square_root:
      return std::sqrt(share);
    case HeatScale::logarithmic:
      return std::max(0.0, 1 + std::log10(share) / options.decades);
  }
  return 0;
}

void fill(Image& image, int64_t top, int64_t left, int64_t height, int64_t width, Rgb color) {
  for (int64_t y = std::max<int64_t>(0, top); y < std::min(image.height, top + height); ++y)
    for (int64_t x = std::max<int64_t>(0, left); x < std::min(image.width, left + width); ++x)
      std::copy(color.begin(), color.end(), image.at(y, x));
}

/// Along the inner edge of the cells.
void draw(Image& image, const HeatMapFrame& frame, int64_t zoom) {
  const int64_t top = frame.top * zoom, left = frame.left * zoom;
  const int64_t height = frame.height * zoom, width = frame.width * zoom;
  const int64_t line = std::max<int64_t>(1, zoom / 4);
  fill(image, top, left, line, width, frame.color);
  fill(image, top + height - line, left, line, width, frame.color);
  fill(image, top, left, height, line, frame.color);
  fill(image, top, left + width - line, height, line, frame.color);
}

}  // namespace

Rgb heat_color(double brightness) {
  const double at = std::clamp(brightness, 0.0, 1.0) * (anchors.size() - 1);
  const size_t low = std::min(static_cast<size_t>(at), anchors.size() - 2);
  const double part = at - static_cast<double>(low);
  Rgb color{};
  for (size_t c = 0; c < 3; ++c)
    color[c] = static_cast<uint8_t>(
        std::lround(anchors[low][c] + part * (anchors[low + 1][c] - anchors[low][c])));
  return color;
}

Image heat_map(const Tensor& values, const HeatMapOptions& options) {
  check(values.dims() == 2 && values.numel() > 0, "[heat_map] values are ", values.shape(),
        ", expected [H,W]");
  check(options.zoom >= 1 && options.decades > 0, "[heat_map] zoom ", options.zoom, ", decades ",
        options.decades, ", expected both to be positive");
  const std::vector<double> all = values.to_doubles();
  for (const double v : all)
    check(v >= 0 && std::isfinite(v), "[heat_map] a value is ", v,
          ", expected finite ones that are not negative");
  const double largest = *std::max_element(all.begin(), all.end());
  const int64_t height = values.shape(0), width = values.shape(1), zoom = options.zoom;
  Image image(height * zoom, width * zoom, 3);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      const double v = all[static_cast<size_t>(y * width + x)];
      fill(image, y * zoom, x * zoom, zoom, zoom,
           v > 0 ? heat_color(brightness(v, largest, options)) : zero_color);
    }
  for (const HeatMapFrame& frame : options.frames) draw(image, frame, zoom);
  return image;
}

}  // namespace pixelgrad

#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "data/image.h"

// Drawing with colours, labels and depths at once; used by the street renderer alone.

namespace pixelgrad::streets {

/// Light in red, green and blue; 1 is white.
struct Color {
  float r = 0, g = 0, b = 0;
};
inline Color operator+(Color a, Color b) { return {a.r + b.r, a.g + b.g, a.b + b.b}; }
inline Color operator*(Color a, Color b) { return {a.r * b.r, a.g * b.g, a.b * b.b}; }
inline Color operator*(Color a, float k) { return {a.r * k, a.g * k, a.b * k}; }
inline Color mix(Color a, Color b, float t) { return a * (1 - t) + b * t; }

inline float clamp01(float v) { return std::clamp(v, 0.0f, 1.0f); }
/// 0 below `low`, 1 above `high`, smooth between.
inline float smoothstep(float low, float high, float v) {
  const float t = clamp01((v - low) / (high - low));
  return t * t * (3 - 2 * t);
}
/// How much of a sample of width `footprint` at v lies in [low, high].
inline float band(float v, float low, float high, float footprint) {
  const float begin = std::max(v - footprint / 2, low), end = std::min(v + footprint / 2, high);
  return clamp01((end - begin) / footprint);
}

/// A random number in [0, 1) for a lattice point: always the same for the same arguments.
inline float hash01(int32_t x, int32_t y, uint32_t salt) {
  uint32_t h = static_cast<uint32_t>(x) * 0x9E3779B1u ^ static_cast<uint32_t>(y) * 0x85EBCA77u ^
               salt * 0xC2B2AE3Du;
  h = (h ^ h >> 15) * 0x2C1B3C6Du;
  h = (h ^ h >> 12) * 0x297A2D39u;
  return static_cast<float>((h ^ h >> 15) >> 8) * 0x1p-24f;
}
/// Smooth noise in [0, 1) with one lattice point a unit.
float value_noise(float x, float y, uint32_t salt);
/// Four octaves of value_noise, in [0, 1).
float fractal_noise(float x, float y, uint32_t salt);

/// A point on the canvas in pixels; pixel (row i, column j) is sampled at (j + 0.5, i + 0.5).
struct Point {
  float x = 0, y = 0;
};

/// What a shape leaves on the canvas. Shapes of `keep_label` change the picture only: shadows,
/// glass.
inline constexpr int keep_label = -1;
struct Paint {
  Color color;
  int label = keep_label;
  float depth = 0;    ///< metres; hides behind nearer pixels
  float opacity = 1;  ///< of the colour; labels are always whole
};

/// The picture while it is drawn. Edges of shapes blend in the picture; a label changes where at
/// least half a pixel is covered, so labels are never mixed.
class Canvas {
 public:
  Canvas(int64_t height, int64_t width);
  int64_t height() const { return labels.height; }
  int64_t width() const { return labels.width; }

  /// Sets a pixel, whatever was there.
  void set(int64_t y, int64_t x, Color color, uint8_t label, float depth);
  /// Draws `coverage` of a pixel where nothing nearer stands.
  void blend(int64_t y, int64_t x, float coverage, const Paint& paint);

  /// A filled convex polygon, corners in either direction.
  void polygon(std::span<const Point> corners, const Paint& paint);
  void polygon(std::initializer_list<Point> corners, const Paint& paint) {
    polygon(std::span(corners.begin(), corners.size()), paint);
  }
  void ellipse(Point center, float radius_x, float radius_y, const Paint& paint);
  /// A line with round ends, `radius_a` thick at a and `radius_b` at b.
  void capsule(Point a, Point b, float radius_a, float radius_b, const Paint& paint);

  /// Calls f(y, x, centre of the pixel) for the pixels of a box.
  template <class F>
  void each_pixel(float left, float top, float right, float bottom, F f) {
    const int64_t x0 = clip(std::floor(left), width()), x1 = clip(std::ceil(right), width());
    const int64_t y0 = clip(std::floor(top), height()), y1 = clip(std::ceil(bottom), height());
    for (int64_t y = y0; y < y1; ++y) {
      for (int64_t x = x0; x < x1; ++x) {
        f(y, x, Point{static_cast<float>(x) + 0.5f, static_cast<float>(y) + 0.5f});
      }
    }
  }

  std::vector<Color> colors;
  std::vector<float> depths;
  LabelMap labels;

 private:
  static int64_t clip(float v, int64_t most) {
    return static_cast<int64_t>(std::clamp(v, 0.0f, static_cast<float>(most)));
  }
};

}  // namespace pixelgrad::streets

#include "data/streets_canvas.h"

#include <limits>

namespace pixelgrad::streets {

float value_noise(float x, float y, uint32_t salt) {
  const float fx = std::floor(x), fy = std::floor(y);
  const auto ix = static_cast<int32_t>(fx), iy = static_cast<int32_t>(fy);
  float tx = x - fx, ty = y - fy;
  tx = tx * tx * (3 - 2 * tx);
  ty = ty * ty * (3 - 2 * ty);
  const float top = std::lerp(hash01(ix, iy, salt), hash01(ix + 1, iy, salt), tx);
  const float bottom = std::lerp(hash01(ix, iy + 1, salt), hash01(ix + 1, iy + 1, salt), tx);
  return std::lerp(top, bottom, ty);
}

float fractal_noise(float x, float y, uint32_t salt) {
  float sum = 0, weight = 0.5f;
  for (uint32_t octave = 0; octave < 4; ++octave) {
    sum += weight * value_noise(x, y, salt + octave);
    weight /= 2;
    x *= 2;
    y *= 2;
  }
  return sum / 0.9375f;
}

Canvas::Canvas(int64_t height, int64_t width)
    : colors(static_cast<size_t>(height * width)),
      depths(static_cast<size_t>(height * width), std::numeric_limits<float>::infinity()),
      labels(height, width) {}

void Canvas::set(int64_t y, int64_t x, Color color, uint8_t label, float depth) {
  const auto i = static_cast<size_t>(y * width() + x);
  colors[i] = color;
  depths[i] = depth;
  labels.ids[i] = label;
}

void Canvas::blend(int64_t y, int64_t x, float coverage, const Paint& paint) {
  const auto i = static_cast<size_t>(y * width() + x);
  if (coverage <= 0 || paint.depth > depths[i]) return;
  colors[i] = mix(colors[i], paint.color, coverage * paint.opacity);
  if (paint.label == keep_label || coverage < 0.5f) return;
  labels.ids[i] = static_cast<uint8_t>(paint.label);
  depths[i] = paint.depth;
}

void Canvas::polygon(std::span<const Point> corners, const Paint& paint) {
  struct Edge {
    float nx, ny, offset;  // nx x + ny y + offset: distance inwards, in pixels
  };
  constexpr size_t most_corners = 16;
  Edge edges[most_corners];
  const size_t n = std::min(corners.size(), most_corners);
  float area = 0;
  Point low = corners[0], high = corners[0];
  for (size_t i = 0; i < n; ++i) {
    const Point a = corners[i], b = corners[(i + 1) % n];
    area += a.x * b.y - b.x * a.y;
    low = {std::min(low.x, a.x), std::min(low.y, a.y)};
    high = {std::max(high.x, a.x), std::max(high.y, a.y)};
  }
  const float sign = area < 0 ? -1.0f : 1.0f;
  for (size_t i = 0; i < n; ++i) {
    const Point a = corners[i], b = corners[(i + 1) % n];
    const float length = std::max(1e-6f, std::hypot(b.x - a.x, b.y - a.y));
    const float nx = -sign * (b.y - a.y) / length, ny = sign * (b.x - a.x) / length;
    edges[i] = {nx, ny, -(nx * a.x + ny * a.y)};
  }
  each_pixel(low.x - 1, low.y - 1, high.x + 1, high.y + 1, [&](int64_t y, int64_t x, Point p) {
    float inside = 1;
    for (size_t i = 0; i < n && inside > 0; ++i) {
      inside = std::min(inside, edges[i].nx * p.x + edges[i].ny * p.y + edges[i].offset + 0.5f);
    }
    blend(y, x, inside, paint);
  });
}

void Canvas::ellipse(Point center, float radius_x, float radius_y, const Paint& paint) {
  const float rx = std::max(radius_x, 0.1f), ry = std::max(radius_y, 0.1f);
  each_pixel(center.x - rx - 1, center.y - ry - 1, center.x + rx + 1, center.y + ry + 1,
             [&](int64_t y, int64_t x, Point p) {
               const float u = (p.x - center.x) / rx, v = (p.y - center.y) / ry;
               const float r = std::hypot(u, v);
               // First-order distance to the rim: (1 - r) over the gradient's length.
               const float gradient = std::hypot(u / rx, v / ry) / std::max(r, 1e-6f);
               const float distance =
                   r < 1e-3f ? std::min(rx, ry) : (1 - r) / std::max(gradient, 1e-6f);
               blend(y, x, clamp01(distance + 0.5f), paint);
             });
}

void Canvas::capsule(Point a, Point b, float radius_a, float radius_b, const Paint& paint) {
  const float r = std::max(radius_a, radius_b) + 1;
  const float dx = b.x - a.x, dy = b.y - a.y;
  const float length2 = std::max(1e-6f, dx * dx + dy * dy);
  each_pixel(std::min(a.x, b.x) - r, std::min(a.y, b.y) - r, std::max(a.x, b.x) + r,
             std::max(a.y, b.y) + r, [&](int64_t y, int64_t x, Point p) {
               const float t = clamp01(((p.x - a.x) * dx + (p.y - a.y) * dy) / length2);
               const float distance = std::hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
               blend(y, x, clamp01(std::lerp(radius_a, radius_b, t) - distance + 0.5f), paint);
             });
}

}  // namespace pixelgrad::streets

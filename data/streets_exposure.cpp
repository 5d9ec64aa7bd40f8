// From light to 8 bits, the way a small camera does it.
#include "data/streets_scene.h"

namespace pixelgrad::streets {
namespace {

/// Binomial blur 1-2-1 in both directions, mixed in by `amount`; borders repeat.
std::vector<Color> blurred(const Canvas& canvas, float amount) {
  const int64_t h = canvas.height(), w = canvas.width();
  const auto at = [w](int64_t y, int64_t x) { return static_cast<size_t>(y * w + x); };
  std::vector<Color> rows(canvas.colors.size()), out(canvas.colors.size());
  const float side = amount / 4, center = 1 - 2 * side;
  for (int64_t y = 0; y < h; ++y) {
    for (int64_t x = 0; x < w; ++x) {
      const Color beside = canvas.colors[at(y, std::max<int64_t>(x - 1, 0))] +
                           canvas.colors[at(y, std::min(x + 1, w - 1))];
      rows[at(y, x)] = canvas.colors[at(y, x)] * center + beside * side;
    }
  }
  for (int64_t y = 0; y < h; ++y) {
    for (int64_t x = 0; x < w; ++x) {
      const Color beside =
          rows[at(std::max<int64_t>(y - 1, 0), x)] + rows[at(std::min(y + 1, h - 1), x)];
      out[at(y, x)] = rows[at(y, x)] * center + beside * side;
    }
  }
  return out;
}

uint8_t to_byte(float v) { return static_cast<uint8_t>(255 * clamp01(v) + 0.5f); }

}  // namespace

Image expose(const Scene& scene, const Canvas& canvas) {
  Random random = scene.random(1);
  const int64_t h = canvas.height(), w = canvas.width();
  const std::vector<Color> light = blurred(canvas, uniform(random, 0.05f, 0.6f));
  const float warmth = uniform(random, -0.05f, 0.05f), tint = uniform(random, -0.02f, 0.02f);
  const Color balance = Color{1 + warmth, 1 + tint, 1 - warmth} * uniform(random, 0.94f, 1.18f);
  const float contrast = uniform(random, 0.9f, 1.15f), lift = uniform(random, 0, 0.03f);
  const float vignette = uniform(random, 0, 0.14f), noise = uniform(random, 0.004f, 0.02f);
  const RandomKey grain = {scene.key.seed, stream_of("streets grain"), scene.key.step};

  Image image(h, w, 3);
  for (int64_t y = 0; y < h; ++y) {
    for (int64_t x = 0; x < w; ++x) {
      const int64_t i = y * w + x;
      const float u = 2 * (static_cast<float>(x) + 0.5f) / static_cast<float>(w) - 1;
      const float v = 2 * (static_cast<float>(y) + 0.5f) / static_cast<float>(h) - 1;
      const Color c =
          light[static_cast<size_t>(i)] * balance * (1 - vignette * (u * u + v * v) / 2);
      // Sums of two uniform bytes: a triangular distribution, standard deviation about 0.41.
      const std::array<uint32_t, 4> bits = philox(grain, static_cast<uint64_t>(i / 4));
      const uint32_t word = bits[static_cast<size_t>(i % 4)];
      const auto byte = [&](int n) { return static_cast<float>(word >> (8 * n) & 255); };
      const auto develop = [&](float value, float a, float b) {
        return to_byte((value - 0.5f) * contrast + 0.5f + lift +
                       noise * ((a + b) / 255 - 1) * 2.4f);
      };
      uint8_t* out = image.at(y, x);
      out[0] = develop(c.r, byte(0), byte(1));
      out[1] = develop(c.g, byte(1), byte(2));
      out[2] = develop(c.b, byte(2), byte(3));
    }
  }
  return image;
}

}  // namespace pixelgrad::streets

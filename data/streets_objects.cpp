// Trees, lamps, signs: what stands along a street and does not move.
#include <array>

#include "data/streets_scene.h"

namespace pixelgrad::streets {
namespace {

/// A dark patch on the ground below a thing of that width.
void ground_shadow(const Scene& scene, Canvas& canvas, float x, float z, float radius) {
  const Camera& camera = scene.camera;
  const Point center = camera.project(x - 0.3f * radius * scene.weather.sun_side, 0, z);
  const float flat = camera.height / z;  // a circle on the ground, as seen from the eye
  canvas.ellipse(center, camera.pixels(radius, z), camera.pixels(radius * flat, z),
                 {{0.05f, 0.05f, 0.07f}, keep_label, z - 1, 0.4f});
}

/// Metres around the foot of a thing, turned into pixels.
struct Frame {
  const Scene& scene;
  float x, z;
  Point at(float dx, float y) const { return scene.camera.project(x + dx, y, z); }
  float px(float metres) const { return scene.camera.pixels(metres, z); }
  Paint paint(Color color, int label, float brightness = 1) const {
    return {scene.weather.seen(color, brightness, z), label, z, 1};
  }
};

struct Blob {
  float x, y, r;  // pixels
};

void upright(const Frame& f, Canvas& canvas, float height, float width, const Paint& paint) {
  canvas.capsule(f.at(0, 0.05f), f.at(0, height), f.px(width / 2), f.px(width * 0.4f), paint);
}

/// A traffic sign of about 0.8 m, in one of the shapes that the streets know.
void sign_face(const Frame& f, Canvas& canvas, float y, float size, Random& random) {
  constexpr Color white = {0.96f, 0.96f, 0.95f}, red = {0.82f, 0.08f, 0.10f};
  constexpr Color blue = {0.08f, 0.26f, 0.70f}, yellow = {0.97f, 0.80f, 0.10f};
  const Point c = f.at(0, y);
  const float r = f.px(size / 2);
  const auto disc = [&](float share, Color color, int label) {
    canvas.ellipse(c, share * r, share * r, f.paint(color, label));
  };
  const auto triangle = [&](float share, Color color, int label) {
    const float s = share * r * 1.15f;
    canvas.polygon(
        {{c.x, c.y - s}, {c.x + 0.95f * s, c.y + 0.7f * s}, {c.x - 0.95f * s, c.y + 0.7f * s}},
        f.paint(color, label));
  };
  const auto box = [&](float w, float h, Color color, int label) {
    canvas.polygon({{c.x - w * r, c.y - h * r},
                    {c.x + w * r, c.y - h * r},
                    {c.x + w * r, c.y + h * r},
                    {c.x - w * r, c.y + h * r}},
                   f.paint(color, label));
  };
  switch (random.below(6)) {
    case 0:  // no entry
      disc(1, red, sign_symbol);
      box(0.65f, 0.18f, white, keep_label);
      break;
    case 1:  // speed limit
      disc(1, red, sign_symbol);
      disc(0.72f, white, keep_label);
      box(0.3f, 0.22f, {0.1f, 0.1f, 0.1f}, keep_label);
      break;
    case 2:  // mandatory direction
      disc(1, blue, sign_symbol);
      box(0.16f, 0.6f, white, keep_label);
      break;
    case 3:  // danger
      triangle(1.05f, red, sign_symbol);
      triangle(0.65f, white, keep_label);
      break;
    case 4: {  // priority road
      const float s = 1.1f * r, t = 0.75f * r;
      canvas.polygon({{c.x, c.y - s}, {c.x + s, c.y}, {c.x, c.y + s}, {c.x - s, c.y}},
                     f.paint(white, sign_symbol));
      canvas.polygon({{c.x, c.y - t}, {c.x + t, c.y}, {c.x, c.y + t}, {c.x - t, c.y}},
                     f.paint(yellow, keep_label));
      break;
    }
    default:  // parking
      box(0.9f, 0.9f, blue, sign_symbol);
      box(0.28f, 0.6f, white, keep_label);
  }
}

}  // namespace

void draw_tree(const Scene& scene, const Thing& thing, Canvas& canvas) {
  Random random = scene.random(thing.salt);
  const Frame f{scene, thing.x, thing.z};
  const float trunk = uniform(random, 1.7f, 2.5f), crown = uniform(random, 1.1f, 1.9f);
  constexpr std::array<Color, 6> leaf_colors = {{{0.22f, 0.42f, 0.14f},
                                                 {0.30f, 0.48f, 0.16f},
                                                 {0.18f, 0.36f, 0.20f},
                                                 {0.40f, 0.50f, 0.18f},
                                                 {0.26f, 0.46f, 0.22f},
                                                 {0.60f, 0.44f, 0.14f}}};
  const Color leaves = pick(random, leaf_colors);
  ground_shadow(scene, canvas, thing.x, thing.z, crown * 0.8f);
  upright(f, canvas, trunk + crown * 0.6f, uniform(random, 0.22f, 0.34f),
          f.paint({0.30f, 0.22f, 0.16f}, tree, 0.9f));

  std::array<Blob, 8> blobs;
  float left = 1e9f, right = -1e9f, top = 1e9f, bottom = -1e9f;
  for (Blob& b : blobs) {
    const Point p =
        f.at(uniform(random, -0.75f, 0.75f) * crown, trunk + crown * uniform(random, 0.35f, 1.75f));
    b = {p.x, p.y, f.px(crown * uniform(random, 0.45f, 0.75f))};
    left = std::min(left, b.x - b.r);
    right = std::max(right, b.x + b.r);
    top = std::min(top, b.y - b.r);
    bottom = std::max(bottom, b.y + b.r);
  }
  const float metre = std::max(f.px(1), 1e-3f);
  const uint32_t salt = random.next();
  const float leaf_detail = clamp01(metre / 12);
  canvas.each_pixel(left, top, right, bottom, [&](int64_t y, int64_t x, Point p) {
    float best = -1, best_light = 0, radius = 1;
    for (const Blob& b : blobs) {
      const float u = (p.x - b.x) / b.r, v = (p.y - b.y) / b.r;
      const float inside = 1 - std::sqrt(u * u + v * v);
      if (inside > best) {
        best = inside;
        best_light = 0.45f * u * scene.weather.sun_side - 0.6f * v;
        radius = b.r;
      }
    }
    if (best <= -0.35f) return;
    const float edge = value_noise(3 * p.x / metre, 3 * p.y / metre, salt) - 0.5f;
    const float coverage = clamp01((best + 0.5f * edge) * radius + 0.5f);
    const float u = 7 * p.x / metre, v = 7 * p.y / metre;
    const float twigs = 0.6f * value_noise(u, v, salt + 1) +
                        0.4f * value_noise(2.7f * u, 2.7f * v, salt + 2) - 0.5f;
    const float light = 0.80f + 0.35f * best_light + (0.25f + 0.45f * leaf_detail) * twigs;
    canvas.blend(y, x, coverage, f.paint(leaves, tree, std::max(light, 0.25f)));
  });
}

void draw_lamp(const Scene& scene, const Thing& thing, Canvas& canvas) {
  Random random = scene.random(thing.salt);
  const Frame f{scene, thing.x, thing.z};
  constexpr std::array<Color, 3> metals = {
      {{0.62f, 0.64f, 0.66f}, {0.20f, 0.26f, 0.24f}, {0.44f, 0.42f, 0.40f}}};
  const Color metal = pick(random, metals);
  const float height = uniform(random, 4.5f, 6.5f), width = uniform(random, 0.20f, 0.28f);
  const float arm = (thing.x > scene.surface.middle ? -1.0f : 1.0f) * uniform(random, 0.8f, 1.6f);
  upright(f, canvas, height, width, f.paint(metal, pole, 0.95f));
  upright(f, canvas, 0.8f, width * 1.5f, f.paint(metal, pole, 0.8f));
  canvas.capsule(f.at(0, height), f.at(arm, height + 0.35f), f.px(0.08f), f.px(0.07f),
                 f.paint(metal, pole));
  canvas.ellipse(f.at(arm, height + 0.28f), f.px(0.36f), f.px(0.15f),
                 f.paint({0.90f, 0.89f, 0.80f}, pole));
  canvas.capsule(f.at(-0.05f, 0.2f), f.at(-0.05f, height), f.px(0.025f), f.px(0.02f),
                 {{1, 1, 1}, keep_label, thing.z, 0.25f});  // a glint
}

void draw_sign(const Scene& scene, const Thing& thing, Canvas& canvas) {
  Random random = scene.random(thing.salt);
  const Frame f{scene, thing.x, thing.z};
  const float height = uniform(random, 2.1f, 2.7f), size = uniform(random, 0.75f, 1.0f);
  upright(f, canvas, height, 0.15f, f.paint({0.58f, 0.60f, 0.62f}, pole, 0.9f));
  sign_face(f, canvas, height, size, random);
  if (random.chance(0.35)) sign_face(f, canvas, height - size, size * 0.85f, random);
}

void draw_traffic_light(const Scene& scene, const Thing& thing, Canvas& canvas) {
  Random random = scene.random(thing.salt);
  const Frame f{scene, thing.x, thing.z};
  const float height = uniform(random, 2.3f, 2.9f), half = 0.27f;
  upright(f, canvas, height, 0.17f, f.paint({0.30f, 0.31f, 0.32f}, pole, 0.9f));
  canvas.polygon({f.at(-half, height), f.at(half, height), f.at(half, height + 1.15f),
                  f.at(-half, height + 1.15f)},
                 f.paint({0.07f, 0.08f, 0.08f}, sign_symbol));
  constexpr std::array<Color, 3> lights = {
      {{0.10f, 0.95f, 0.45f}, {1.0f, 0.75f, 0.10f}, {1.0f, 0.15f, 0.12f}}};
  const int64_t on = random.below(3);
  for (int64_t i = 0; i < 3; ++i) {
    const Color color = lights[static_cast<size_t>(i)] * (i == on ? 1.0f : 0.25f);
    canvas.ellipse(f.at(0, height + 0.22f + 0.35f * static_cast<float>(i)), f.px(0.15f),
                   f.px(0.15f), {color, keep_label, thing.z, 1});
  }
}

}  // namespace pixelgrad::streets

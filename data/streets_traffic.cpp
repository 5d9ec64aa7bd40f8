// Cars, pedestrians, cyclists.
#include <array>
#include <numbers>

#include "data/streets_scene.h"

namespace pixelgrad::streets {
namespace {

constexpr Color black = {0.05f, 0.05f, 0.06f};
constexpr Color glass = {0.12f, 0.16f, 0.20f};

/// The shape of a car, in metres; lengths run from the end that the camera sees.
struct CarShape {
  float length, width, sill, belt, height;
  float cabin_near, cabin_far;  ///< where the cabin begins at belt height, from either end
  float slant_near, slant_far;  ///< how far its windows lean in
};

constexpr std::array<CarShape, 4> shapes = {{
    {4.1f, 1.75f, 0.30f, 0.92f, 1.48f, 0.15f, 1.15f, 0.35f, 0.75f},  // hatchback
    {4.6f, 1.80f, 0.28f, 0.90f, 1.42f, 0.85f, 1.25f, 0.60f, 0.75f},  // saloon
    {4.5f, 1.88f, 0.38f, 1.05f, 1.72f, 0.10f, 1.15f, 0.25f, 0.60f},  // estate, SUV
    {5.2f, 1.98f, 0.35f, 1.15f, 2.20f, 0.03f, 0.70f, 0.08f, 0.60f},  // van
}};

/// A car as two prisms, body and cabin, of which the sides that face the camera are drawn.
class CarDrawing {
 public:
  CarDrawing(const Scene& scene, const Thing& thing, Canvas& canvas)
      : scene_(scene), canvas_(canvas), thing_(thing), random_(scene.random(thing.salt)) {
    constexpr std::array<Color, 9> paints = {{{0.75f, 0.10f, 0.10f},
                                              {0.10f, 0.22f, 0.55f},
                                              {0.92f, 0.92f, 0.92f},
                                              {0.14f, 0.14f, 0.16f},
                                              {0.62f, 0.65f, 0.68f},
                                              {0.10f, 0.38f, 0.30f},
                                              {0.88f, 0.68f, 0.12f},
                                              {0.34f, 0.52f, 0.72f},
                                              {0.45f, 0.10f, 0.20f}}};
    paint_ = pick(random_, paints);
    const int64_t kind = random_.below(8);
    shape_ = shapes[static_cast<size_t>(kind < 7 ? kind % 3 : 3)];
    away_ = thing.heading > 0;
    if (!away_) {  // bonnet first
      std::swap(shape_.cabin_near, shape_.cabin_far);
      std::swap(shape_.slant_near, shape_.slant_far);
    }
    left_ = thing.x - shape_.width / 2;
    right_ = thing.x + shape_.width / 2;
    side_visible_ = left_ > 0.1f || right_ < -0.1f;
    side_x_ = left_ > 0 ? left_ : right_;
  }

  void draw() {
    shadow();
    if (side_visible_) body_side();
    body_top();
    body_end();
    cabin();
    wheels();
    lights();
  }

 private:
  /// The point `along` metres from the near end.
  Point at(float x, float y, float along) const {
    return scene_.camera.project(x, y, thing_.z + along);
  }
  Paint paint(Color color, float brightness, int label = car) const {
    return {scene_.weather.seen(color, brightness, thing_.z), label, thing_.z, 1};
  }
  void quad(Point a, Point b, Point c, Point d, const Paint& p) {
    canvas_.polygon({a, b, c, d}, p);
  }

  float side_light() const {
    const bool faces_right = side_x_ == right_;
    return (faces_right ? 1.0f : -1.0f) * scene_.weather.sun_side > 0 ? 0.98f : 0.66f;
  }

  void shadow() {
    Paint dark = {{0.04f, 0.04f, 0.05f}, keep_label, thing_.z - 1.5f, 0.65f};
    const float out = 0.12f;
    quad(at(left_ - out, 0, -0.25f), at(right_ + out, 0, -0.25f),
         at(right_ + out, 0, shape_.length), at(left_ - out, 0, shape_.length), dark);
  }

  void body_side() {
    const float n = shape_.length;
    quad(at(side_x_, shape_.sill, 0), at(side_x_, shape_.belt, 0), at(side_x_, shape_.belt, n),
         at(side_x_, shape_.sill, n), paint(paint_, side_light()));
    quad(at(side_x_, shape_.sill, 0), at(side_x_, shape_.sill + 0.12f, 0),
         at(side_x_, shape_.sill + 0.12f, n), at(side_x_, shape_.sill, n),
         paint(black, 0.8f, keep_label));
  }

  void body_top() {
    quad(at(left_, shape_.belt, 0), at(right_, shape_.belt, 0),
         at(right_, shape_.belt, shape_.length), at(left_, shape_.belt, shape_.length),
         paint(paint_, 1.12f));
  }

  void body_end() {
    quad(at(left_, shape_.sill, 0), at(right_, shape_.sill, 0), at(right_, shape_.belt, 0),
         at(left_, shape_.belt, 0), paint(paint_, 0.86f));
    const float bumper = shape_.sill + 0.2f;
    quad(at(left_, shape_.sill - 0.05f, 0), at(right_, shape_.sill - 0.05f, 0),
         at(right_, bumper, 0), at(left_, bumper, 0), paint(paint_ * 0.4f, 0.8f));
  }

  void cabin() {
    const float n = shape_.length, inset = 0.16f;
    const float low0 = shape_.cabin_near, low1 = n - shape_.cabin_far;
    const float top0 = low0 + shape_.slant_near, top1 = low1 - shape_.slant_far;
    const float l = left_ + inset, r = right_ - inset, belt = shape_.belt, top = shape_.height;
    if (side_visible_) {
      const float x_top = side_x_ == left_ ? l : r;
      quad(at(side_x_, belt, low0), at(x_top, top, top0), at(x_top, top, top1),
           at(side_x_, belt, low1), paint(paint_, side_light()));
      // Two side windows between pillars, inset from the cabin's outline.
      const float middle = (low0 + low1) / 2, y0 = belt + 0.06f, y1 = top - 0.1f;
      const float x0 = std::lerp(side_x_, x_top, 0.1f), x1 = std::lerp(side_x_, x_top, 0.85f);
      const Paint dark = paint(glass, 0.9f, keep_label);
      quad(at(x0, y0, low0 + 0.25f), at(x1, y1, top0 + 0.15f), at(x1, y1, middle - 0.06f),
           at(x0, y0, middle - 0.06f), dark);
      quad(at(x0, y0, middle + 0.06f), at(x1, y1, middle + 0.06f), at(x1, y1, top1 - 0.12f),
           at(x0, y0, low1 - 0.2f), dark);
    }
    quad(at(l, top, top0), at(r, top, top0), at(r, top, top1), at(l, top, top1),
         paint(paint_, 1.15f));
    quad(at(left_ + 0.05f, belt, low0), at(right_ - 0.05f, belt, low0), at(r, top, top0),
         at(l, top, top0), paint(paint_, 0.82f));
    const auto window = [&](float share) {  // from the lower to the upper edge
      return std::pair{std::lerp(left_ + 0.14f, l + 0.07f, share), std::lerp(low0, top0, share)};
    };
    const auto [lower_x, lower_z] = window(0.08f);
    const auto [upper_x, upper_z] = window(0.86f);
    const float y0 = std::lerp(belt, top, 0.08f), y1 = std::lerp(belt, top, 0.86f);
    const float mirror = 2 * thing_.x;
    const Color sky_glass = mix(glass, scene_.weather.horizon, 0.3f);
    quad(at(lower_x, y0, lower_z), at(mirror - lower_x, y0, lower_z),
         at(mirror - upper_x, y1, upper_z), at(upper_x, y1, upper_z),
         paint(away_ ? glass : sky_glass, 0.9f, keep_label));
  }

  void wheels() {
    constexpr float radius = 0.33f;
    // Seen from the end, the tyres stand below the body.
    for (const float x : {left_ + 0.16f, right_ - 0.16f}) {
      quad(at(x - 0.13f, 0, 0.1f), at(x + 0.13f, 0, 0.1f), at(x + 0.13f, shape_.sill, 0.1f),
           at(x - 0.13f, shape_.sill, 0.1f), paint(black, 1));
    }
    if (!side_visible_) return;
    for (const float along : {0.75f, shape_.length - 0.8f}) {
      disc(along, radius, paint(black, 1));
      disc(along, radius * 0.55f, paint({0.62f, 0.63f, 0.65f}, side_light(), keep_label));
    }
  }

  /// A circle on the visible side.
  void disc(float along, float radius, const Paint& p) {
    std::array<Point, 12> rim;
    for (size_t i = 0; i < rim.size(); ++i) {
      const float angle = 2 * std::numbers::pi_v<float> * static_cast<float>(i) / 12;
      rim[i] = at(side_x_, 0.33f + radius * std::sin(angle), along + radius * std::cos(angle));
    }
    canvas_.polygon(rim, p);
  }

  void lights() {
    const float y = shape_.belt - 0.25f;
    const Color color = away_ ? Color{0.85f, 0.08f, 0.06f} : Color{0.98f, 0.97f, 0.88f};
    for (const float x : {left_ + 0.05f, right_ - 0.37f}) {
      quad(at(x, y - 0.1f, 0), at(x + 0.32f, y - 0.1f, 0), at(x + 0.32f, y + 0.1f, 0),
           at(x, y + 0.1f, 0), paint(color, 1.05f, keep_label));
    }
    const float plate = shape_.sill + 0.22f;
    quad(at(thing_.x - 0.27f, plate, 0), at(thing_.x + 0.27f, plate, 0),
         at(thing_.x + 0.27f, plate + 0.14f, 0), at(thing_.x - 0.27f, plate + 0.14f, 0),
         paint({0.92f, 0.92f, 0.86f}, 1, keep_label));
  }

  const Scene& scene_;
  Canvas& canvas_;
  const Thing& thing_;
  Random random_;
  Color paint_;
  CarShape shape_;
  bool away_ = true, side_visible_ = false;
  float left_ = 0, right_ = 0, side_x_ = 0;
};

constexpr std::array<Color, 5> skins = {{{0.93f, 0.76f, 0.64f},
                                         {0.84f, 0.64f, 0.48f},
                                         {0.66f, 0.46f, 0.32f},
                                         {0.48f, 0.32f, 0.22f},
                                         {0.34f, 0.22f, 0.16f}}};
constexpr std::array<Color, 9> clothes = {{{0.78f, 0.14f, 0.16f},
                                           {0.12f, 0.24f, 0.58f},
                                           {0.95f, 0.78f, 0.20f},
                                           {0.20f, 0.50f, 0.30f},
                                           {0.85f, 0.46f, 0.62f},
                                           {0.94f, 0.94f, 0.92f},
                                           {0.46f, 0.22f, 0.52f},
                                           {0.90f, 0.48f, 0.14f},
                                           {0.16f, 0.62f, 0.66f}}};
constexpr std::array<Color, 4> trousers = {
    {{0.14f, 0.18f, 0.32f}, {0.10f, 0.10f, 0.12f}, {0.40f, 0.34f, 0.26f}, {0.30f, 0.32f, 0.36f}}};
constexpr std::array<Color, 4> hairs = {
    {{0.12f, 0.09f, 0.07f}, {0.36f, 0.22f, 0.12f}, {0.72f, 0.56f, 0.30f}, {0.60f, 0.60f, 0.60f}}};

/// Draws limbs given in metres around a person's place on the ground.
struct Figure {
  const Scene& scene;
  Canvas& canvas;
  float x, z;
  int label;

  Point at(float dx, float y) const { return scene.camera.project(x + dx, y, z); }
  Paint paint(Color color, float brightness = 1) const {
    return {scene.weather.seen(color, brightness, z), label, z, 1};
  }
  void limb(float x0, float y0, float x1, float y1, float thick, Color color,
            float light = 1) const {
    const float r = scene.camera.pixels(thick / 2, z);
    canvas.capsule(at(x0, y0), at(x1, y1), r, r, paint(color, light));
  }
  void oval(float dx, float y, float rx, float ry, Color color, float opacity = 1) const {
    Paint p = paint(color);
    p.opacity = opacity;
    canvas.ellipse(at(dx, y), scene.camera.pixels(rx, z), scene.camera.pixels(ry, z), p);
  }
  void shadow(float radius) const {
    canvas.ellipse(at(-0.1f * scene.weather.sun_side, 0), scene.camera.pixels(radius, z),
                   scene.camera.pixels(radius * scene.camera.height / z, z),
                   {{0.05f, 0.05f, 0.07f}, keep_label, z - 1, 0.45f});
  }
};

}  // namespace

void draw_car(const Scene& scene, const Thing& thing, Canvas& canvas) {
  CarDrawing(scene, thing, canvas).draw();
}

void draw_pedestrian(const Scene& scene, const Thing& thing, Canvas& canvas) {
  Random random = scene.random(thing.salt);
  const Figure f{scene, canvas, thing.x, thing.z, pedestrian};
  const float h = random.chance(0.15) ? uniform(random, 1.15f, 1.4f) : uniform(random, 1.6f, 1.9f);
  const Color skin = pick(random, skins), coat = pick(random, clothes);
  const Color legs = pick(random, trousers), hair = pick(random, hairs);
  const float stride = uniform(random, 0.02f, 0.16f) * h, swing = stride * 0.8f;
  const float hip = 0.49f * h, shoulder = 0.79f * h;
  f.shadow(0.35f);
  f.limb(0.03f, hip, stride, 0.07f, 0.15f, legs, 0.85f);
  f.limb(-0.03f, hip, -stride, 0.04f, 0.15f, legs);
  f.limb(stride, 0.06f, stride + 0.08f, 0.05f, 0.09f, black);
  f.limb(-stride, 0.04f, -stride + 0.08f, 0.03f, 0.09f, black);
  f.limb(0.16f, shoulder - 0.03f, 0.20f + swing, 0.50f * h, 0.11f, coat, 0.8f);
  if (random.chance(0.3)) {  // a skirt or a long coat
    canvas.polygon({f.at(-0.15f, 0.62f * h), f.at(0.15f, 0.62f * h), f.at(0.25f, 0.28f * h),
                    f.at(-0.25f, 0.28f * h)},
                   f.paint(coat, 0.9f));
  }
  f.limb(0, 0.54f * h, 0, shoulder - 0.08f, 0.36f, coat);
  f.limb(-0.16f, shoulder - 0.03f, -0.20f - swing, 0.50f * h, 0.11f, coat, 0.92f);
  if (random.chance(0.3)) f.oval(-0.26f - swing, 0.44f * h, 0.13f, 0.16f, pick(random, clothes));
  f.limb(0, shoulder, 0, 0.86f * h, 0.11f, skin, 0.9f);
  f.oval(0, 0.925f * h, 0.115f, 0.14f, thing.heading > 0 ? hair : skin);
  f.oval(0, 0.965f * h, 0.12f, 0.095f, hair);
}

void draw_cyclist(const Scene& scene, const Thing& thing, Canvas& canvas) {
  Random random = scene.random(thing.salt);
  const Figure f{scene, canvas, thing.x, thing.z, bicyclist};
  const Color skin = pick(random, skins), shirt = pick(random, clothes);
  const Color legs = pick(random, trousers), frame = pick(random, clothes);
  const Color helmet = pick(random, clothes);
  // Seen at an angle: the length of the bicycle is foreshortened.
  const float turn = uniform(random, 0.45f, 1.0f) * (random.chance(0.5) ? 1.0f : -1.0f);
  const float wheel = 0.36f, base = 0.54f * turn, rim = wheel * (0.35f + 0.65f * std::abs(turn));
  f.shadow(0.8f * std::abs(turn));
  for (const float x : {-base, base}) {
    f.oval(x, wheel, rim, wheel, {0.16f, 0.16f, 0.17f}, 0.45f);
    for (int i = 0; i < 16; ++i) {  // the tyre
      const float a = 2 * std::numbers::pi_v<float> * static_cast<float>(i) / 16;
      const float b = 2 * std::numbers::pi_v<float> * static_cast<float>(i + 1) / 16;
      f.limb(x + rim * std::cos(a), wheel + wheel * std::sin(a), x + rim * std::cos(b),
             wheel + wheel * std::sin(b), 0.08f, black);
    }
  }
  const float seat_x = -0.22f * turn, bar_x = 0.42f * turn, crank_x = -0.02f * turn;
  f.limb(-base, wheel, seat_x, 0.82f, 0.07f, frame);
  f.limb(-base, wheel, crank_x, 0.32f, 0.07f, frame);
  f.limb(crank_x, 0.32f, seat_x, 0.9f, 0.07f, frame);
  f.limb(crank_x, 0.32f, bar_x, 0.85f, 0.07f, frame);
  f.limb(seat_x, 0.8f, bar_x, 0.85f, 0.07f, frame);
  f.limb(base, wheel, bar_x, 1.02f, 0.07f, frame);
  const float hip_y = 0.98f, shoulder_x = 0.18f * turn, shoulder_y = 1.46f;
  f.limb(seat_x, hip_y, crank_x + 0.20f * turn, 0.68f, 0.15f, legs, 0.8f);
  f.limb(crank_x + 0.20f * turn, 0.68f, crank_x + 0.06f * turn, 0.22f, 0.12f, legs, 0.8f);
  f.limb(seat_x, hip_y, crank_x + 0.24f * turn, 0.74f, 0.16f, legs);
  f.limb(crank_x + 0.24f * turn, 0.74f, crank_x + 0.02f * turn, 0.38f, 0.13f, legs);
  f.limb(seat_x, hip_y, shoulder_x, shoulder_y - 0.08f, 0.34f, shirt);
  f.limb(shoulder_x, shoulder_y - 0.06f, bar_x, 1.06f, 0.11f, shirt, 0.85f);
  f.limb(shoulder_x, shoulder_y, shoulder_x + 0.06f * turn, shoulder_y + 0.1f, 0.11f, skin);
  f.oval(shoulder_x + 0.08f * turn, shoulder_y + 0.17f, 0.115f, 0.135f, skin);
  f.oval(shoulder_x + 0.06f * turn, shoulder_y + 0.235f, 0.145f, 0.10f, helmet);
}

}  // namespace pixelgrad::streets

// A ray through each pixel meets the ground, a front of a house, a roof, a side wall, or the sky.
#include <limits>

#include "data/streets_scene.h"

namespace pixelgrad::streets {
namespace {
constexpr float house_depth = 10;  // metres behind the front
constexpr float horizon_depth = 2000;
constexpr float infinite = std::numeric_limits<float>::infinity();

struct Hit {
  Color color;
  Label label;
  float depth;
};

/// One column of pixels: rays (across, up, 1) that share `across`.
class Column {
 public:
  Column(const Scene& scene, float across)
      : scene_(scene), across_(across), side_(across < 0 ? 0 : 1) {
    const Side& side = scene.sides[static_cast<size_t>(side_)];
    front_ = std::abs(side.front);
    slope_ = std::max(std::abs(across), 1e-5f);
    z_front_ = front_ / slope_;
    while (first_ < side.houses.size() && side.houses[first_].z1 <= z_front_) ++first_;
    skyline_ = skyline();
  }

  Hit trace(float up) const {
    const Camera& camera = scene_.camera;
    const float z_ground = up < 0 ? std::min(camera.height / -up, horizon_depth) : infinite;
    if (z_ground > z_front_) {
      Hit hit;
      if (house(up, z_ground, hit)) return hit;
    }
    if (up < 0) return ground(z_ground, up);
    if (up < skyline_) return far_away(up);
    return {sky_at(up), sky, infinite};
  }

 private:
  float pixel_angle() const { return 1 / scene_.camera.focal; }

  Hit ground(float z, float up) const {
    const float along = z * pixel_angle() / -up;
    const Surface surface = ground_at(scene_, across_ * z, z, z * pixel_angle(), along);
    return {surface.color, surface.label, z};
  }

  /// The first house that the ray meets before it meets the ground.
  bool house(float up, float z_ground, Hit& hit) const {
    const std::vector<House>& houses = scene_.sides[static_cast<size_t>(side_)].houses;
    const float eye = scene_.camera.height;
    for (size_t i = first_; i < houses.size(); ++i) {
      const House& h = houses[i];
      if (h.garden()) continue;
      const bool from_front = i == first_ && z_front_ >= h.z0;
      if (from_front) {
        const float y = eye + up * z_front_;
        if (y >= 0 && y <= h.height) {
          const float up_pixel = z_front_ * pixel_angle();
          hit = {facade_at(scene_, side_, h, z_front_, y, up_pixel / slope_, up_pixel), building,
                 z_front_};
          return true;
        }
      } else {
        if (h.z0 > z_ground) return false;
        const float inwards = slope_ * h.z0 - front_;
        if (inwards > house_depth) return false;
        const float y = eye + up * h.z0;
        const float gable = h.roof_height * (1 - std::abs(inwards / (house_depth / 2) - 1));
        if (y <= h.height + gable) {
          hit = {side_wall_at(scene_, side_, h, inwards, y), building, h.z0};
          return true;
        }
      }
      if (h.roof_height > 0 && roof(h, up, hit)) return true;
    }
    return false;
  }

  /// The roof's plane rises from the front's upper edge to the ridge.
  bool roof(const House& h, float up, Hit& hit) const {
    const float rise = h.roof_height / (house_depth / 2);
    const float steepness = rise * slope_ - up;
    if (steepness <= 1e-6f) return false;
    const float z = (scene_.camera.height - h.height + rise * front_) / steepness;
    const float inwards = slope_ * z - front_;
    if (z < h.z0 || z > h.z1 || inwards < 0 || inwards > house_depth / 2) return false;
    hit = {roof_at(scene_, side_, h, z, h.height + rise * inwards), building, z};
    return true;
  }

  /// How far up (as a slope) the woods or houses on the horizon reach.
  float skyline() const {
    const uint32_t salt = scene_.surface.salt + 20;
    if (scene_.woods_ahead) return 0.015f + 0.07f * fractal_noise(9 * across_, 0.5f, salt);
    const float block = std::floor(14 * across_);
    return 0.02f + 0.09f * hash01(static_cast<int32_t>(block), 7, salt);
  }

  Hit far_away(float up) const {
    const float grain = value_noise(60 * across_, 60 * up, scene_.surface.salt + 21) - 0.5f;
    const float share = 0.45f;  // of haze
    if (scene_.woods_ahead) {
      const Color leaves = Color{0.25f, 0.38f, 0.22f} * (1 + 0.5f * grain);
      return {mix(leaves * scene_.weather.sunlight, scene_.weather.haze, share), tree,
              horizon_depth};
    }
    const Color wall = Color{0.52f, 0.47f, 0.45f} * (1 + 0.2f * grain);
    return {mix(wall * scene_.weather.sunlight, scene_.weather.haze, share), building,
            horizon_depth};
  }

  Color sky_at(float up) const {
    const Weather& weather = scene_.weather;
    const Color clear = mix(weather.horizon, weather.zenith, smoothstep(0, 0.6f, up));
    // Clouds hang on a ceiling that recedes towards the horizon.
    const float distance = 1 / (up + 0.12f);
    const float n = fractal_noise(weather.cloud_scale * across_ * distance,
                                  weather.cloud_scale * 1.7f * distance, scene_.surface.salt + 22);
    const float cover =
        smoothstep(0.78f - 0.5f * weather.cloud_cover, 0.98f - 0.4f * weather.cloud_cover, n);
    const Color cloud =
        mix({0.97f, 0.97f, 0.98f}, {0.76f, 0.78f, 0.82f}, smoothstep(0.5f, 0.9f, n)) *
        mix({1, 1, 1}, weather.sunlight, 0.7f);
    return mix(clear, cloud, 0.9f * cover);
  }

  const Scene& scene_;
  float across_, slope_ = 0, front_ = 0, z_front_ = 0, skyline_ = 0;
  int side_;
  size_t first_ = 0;
};

}  // namespace

void draw_surroundings(const Scene& scene, Canvas& canvas) {
  const Camera& camera = scene.camera;
  for (int64_t x = 0; x < canvas.width(); ++x) {
    const Column column(scene, (static_cast<float>(x) + 0.5f - camera.x0) / camera.focal);
    for (int64_t y = 0; y < canvas.height(); ++y) {
      const Hit hit = column.trace((camera.y0 - static_cast<float>(y) - 0.5f) / camera.focal);
      canvas.set(y, x, hit.color, hit.label, hit.depth);
    }
  }
}

void draw_fence(const Scene& scene, const FenceRun& run, Canvas& canvas) {
  const Camera& camera = scene.camera;
  for (int64_t column = 0; column < canvas.width(); ++column) {
    const float across = (static_cast<float>(column) + 0.5f - camera.x0) / camera.focal;
    if (across * run.x <= 0) continue;
    const float z = run.x / across;
    if (z < run.z0 || z > run.z1) continue;
    const float top = camera.project(run.x, run.height, z).y;
    const float bottom = camera.project(run.x, 0.03f, z).y;
    const float pixel = z / camera.focal, along = pixel / std::abs(across);
    const float picket = band(std::fmod(z, run.spacing), 0, run.solid * run.spacing, along);
    const float post = band(std::fmod(z, 2.0f), 0, 0.14f, along);
    canvas.each_pixel(
        static_cast<float>(column), top - 1, static_cast<float>(column) + 1, bottom + 1,
        [&](int64_t y, int64_t x, Point p) {
          const float coverage = clamp01(std::min(p.y - top, bottom - p.y) + 0.5f);
          const float v = camera.height - (p.y - camera.y0) * pixel;
          const float rail = std::max(band(v, run.height - 0.12f, run.height, pixel),
                                      band(v, 0.22f, 0.34f, pixel));
          const float opacity = std::max({picket, post, rail});
          const float shade =
              0.88f + 0.12f * rail +
              0.1f * (hash01(static_cast<int32_t>(z / run.spacing), 3, scene.surface.salt) - 0.5f);
          canvas.blend(y, x, coverage,
                       {scene.weather.seen(run.color, shade, z), fence, z, opacity});
        });
  }
}

}  // namespace pixelgrad::streets

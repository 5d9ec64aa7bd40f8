// Where everything stands in a street scene: chance within the rules of a street.
#include <algorithm>

#include "data/streets_scene.h"

namespace pixelgrad::streets {
namespace {
constexpr float far_end = 90;  // metres; beyond it lies the horizon

constexpr std::array<Color, 8> wall_colors = {{{0.72f, 0.45f, 0.34f},
                                               {0.85f, 0.76f, 0.60f},
                                               {0.62f, 0.58f, 0.54f},
                                               {0.80f, 0.62f, 0.46f},
                                               {0.55f, 0.34f, 0.28f},
                                               {0.76f, 0.74f, 0.70f},
                                               {0.60f, 0.66f, 0.70f},
                                               {0.88f, 0.80f, 0.72f}}};
constexpr std::array<Color, 4> roof_colors = {
    {{0.55f, 0.25f, 0.18f}, {0.36f, 0.30f, 0.30f}, {0.45f, 0.22f, 0.20f}, {0.30f, 0.33f, 0.38f}}};
constexpr std::array<Color, 5> shop_colors = {{{0.70f, 0.16f, 0.16f},
                                               {0.12f, 0.35f, 0.22f},
                                               {0.14f, 0.22f, 0.45f},
                                               {0.80f, 0.60f, 0.15f},
                                               {0.30f, 0.16f, 0.30f}}};
constexpr std::array<Color, 4> fence_colors = {
    {{0.92f, 0.91f, 0.86f}, {0.52f, 0.33f, 0.18f}, {0.16f, 0.24f, 0.20f}, {0.66f, 0.46f, 0.26f}}};

Camera plan_camera(int64_t height, int64_t width, Random& random) {
  const auto h = static_cast<float>(height), w = static_cast<float>(width);
  Camera camera;
  camera.focal = std::min(h, 1.2f * w) * uniform(random, 0.68f, 0.85f);
  camera.x0 = w * uniform(random, 0.38f, 0.62f);
  camera.y0 = h * uniform(random, 0.42f, 0.54f);
  camera.height = uniform(random, 1.6f, 2.8f);
  return camera;
}

Weather plan_weather(Random& random) {
  Weather weather;
  const float hour = uniform(random, 0, 1);  // 0 noon, 1 near sunset
  const bool overcast = random.chance(0.3);
  weather.sunlight = mix({1.0f, 0.98f, 0.95f}, {1.0f, 0.82f, 0.62f}, hour * hour);
  weather.zenith = mix({0.26f, 0.48f, 0.82f}, {0.35f, 0.42f, 0.66f}, hour);
  weather.horizon = mix({0.74f, 0.84f, 0.94f}, {0.97f, 0.80f, 0.66f}, hour * hour);
  weather.cloud_cover = uniform(random, 0.1f, 0.6f);
  weather.shadow = uniform(random, 0.52f, 0.68f);
  if (overcast) {
    weather.sunlight = Color{0.88f, 0.91f, 0.95f} * uniform(random, 0.8f, 0.95f);
    weather.zenith = Color{0.62f, 0.67f, 0.74f};
    weather.horizon = Color{0.84f, 0.86f, 0.88f};
    weather.cloud_cover = 0.95f;
    weather.shadow = 0.85f;
  }
  weather.haze = mix(weather.horizon, {0.8f, 0.83f, 0.87f}, 0.4f);
  weather.haze_density = uniform(random, 0.004f, 0.016f);
  weather.cloud_scale = uniform(random, 0.8f, 1.8f);
  weather.sun_side = random.chance(0.5) ? 1.0f : -1.0f;
  weather.shadow_reach = uniform(random, 0.3f, 0.9f);
  return weather;
}

RoadSurface plan_surface(const std::array<Side, 2>& sides, Random& random) {
  RoadSurface surface;
  const float gray = uniform(random, 0.40f, 0.56f), tint = uniform(random, -0.02f, 0.02f);
  surface.asphalt = {gray + tint, gray, gray - tint};
  const float stone = uniform(random, 0.66f, 0.80f);
  surface.pavement = mix({stone, stone * 0.97f, stone * 0.92f},
                         {stone * 1.05f, stone * 0.88f, stone * 0.80f}, uniform(random, 0, 1));
  surface.kerb = Color{0.82f, 0.81f, 0.78f} * uniform(random, 0.9f, 1.1f);
  surface.mark = random.chance(0.2) ? Color{0.92f, 0.76f, 0.26f} : Color{0.92f, 0.92f, 0.90f};
  surface.middle = (sides[0].kerb + sides[1].kerb) / 2;
  surface.dash = uniform(random, 2, 4);
  surface.dash_period = surface.dash * uniform(random, 1.8f, 2.6f);
  surface.edge_lines = random.chance(0.4);
  if (random.chance(0.25)) surface.crossing_z = uniform(random, 7, 16);
  surface.salt = random.next();
  return surface;
}

House plan_house(float z0, bool garden, bool suburb, Random& random) {
  House house;
  house.z0 = z0;
  house.z1 = z0 + (garden ? uniform(random, 5, 10) : uniform(random, 6, 13));
  house.salt = random.next();
  if (garden) return house;
  house.storey = uniform(random, 2.7f, 3.4f);
  house.height =
      house.storey * static_cast<float>(suburb ? 1 + random.below(2) : 2 + random.below(4)) +
      uniform(random, 0.3f, 1);
  house.bay = uniform(random, 1.9f, 3.0f);
  house.window_width = house.bay * uniform(random, 0.38f, 0.6f);
  house.window_height = house.storey * uniform(random, 0.45f, 0.62f);
  house.shop = !suburb && random.chance(0.35);
  if (suburb || random.chance(0.55)) house.roof_height = uniform(random, 1.5f, 3.0f);
  const float brightness = uniform(random, 0.85f, 1.1f);
  house.wall = pick(random, wall_colors) * brightness;
  house.trim = mix(house.wall, {0.95f, 0.94f, 0.90f}, uniform(random, 0.3f, 0.9f));
  house.roof = pick(random, roof_colors) * brightness;
  house.shop_front = pick(random, shop_colors);
  return house;
}

/// Two sides of a street; the camera drives in the right-hand lane.
std::array<Side, 2> plan_sides(Random& random) {
  std::array<Side, 2> sides;
  sides[0].kerb = uniform(random, -4.8f, -3.6f);
  sides[1].kerb = uniform(random, 1.7f, 2.6f);
  sides[0].front = sides[0].kerb - uniform(random, 2.4f, 4.0f);
  sides[1].front = sides[1].kerb + uniform(random, 2.4f, 4.0f);
  const int garden_side = static_cast<int>(random.below(2));
  const bool suburb = random.chance(0.35);  // low houses, many gardens
  for (int s = 0; s < 2; ++s) {
    Side& side = sides[static_cast<size_t>(s)];
    float z = 1;
    for (bool last_was_garden = false; z < far_end;) {
      // One garden lies where every picture shows it, for the sake of its fence and trees.
      const bool wanted = s == garden_side && z > 9 && z < 17;
      const bool garden =
          !last_was_garden && z > 4 && (wanted || random.chance(suburb ? 0.6 : 0.2));
      side.houses.push_back(plan_house(z, garden, suburb, random));
      last_was_garden = garden;
      z = side.houses.back().z1;
    }
  }
  return sides;
}

FenceRun plan_fence(float x, float z0, float z1, Random& random) {
  FenceRun run;
  run.x = x;
  run.z0 = z0;
  run.z1 = z1;
  run.height = uniform(random, 1.1f, 1.5f);
  run.spacing = uniform(random, 0.22f, 0.4f);
  run.solid = uniform(random, 0.45f, 0.75f);
  run.color = pick(random, fence_colors) * uniform(random, 0.85f, 1.1f);
  return run;
}

/// Places things: everything that is needed where it is seen, and more by chance.
class Placer {
 public:
  Placer(Scene& scene, Random& random) : scene_(scene), random_(random) {}

  void place_all() {
    fences();
    trees();
    lamps_and_signs();
    cars();
    people();
    std::stable_sort(scene_.things.begin(), scene_.things.end(),
                     [](const Thing& a, const Thing& b) { return a.z > b.z; });
  }

 private:
  using Kind = Thing::Kind;

  void add(Kind kind, float x, float z, int heading = 1) {
    scene_.things.push_back({kind, x, z, heading, 1000 + scene_.things.size()});
  }

  /// Whether the ground point lies in the picture, `margin` of its width from the sides.
  bool visible(float x, float z, float margin) const {
    const auto w = static_cast<float>(scene_.width);
    const float column = scene_.camera.project(x, 0, z).x;
    return column > margin * w && column < (1 - margin) * w;
  }

  /// A z in [low, high], moved away from the camera until x comes into the picture.
  float z_in_view(float x, float low, float high) {
    float z = uniform(random_, low, high);
    while (!visible(x, z, 0.06f) && z < 40) z *= 1.15f;
    return z;
  }

  const Side& side(int s) const { return scene_.sides[static_cast<size_t>(s)]; }
  int any_side() { return static_cast<int>(random_.below(2)); }
  /// X on the pavement of a side: 0 at the kerb, 1 at the houses.
  float on_pavement(int s, float share) const {
    return side(s).kerb + share * (side(s).front - side(s).kerb);
  }

  void fences() {
    for (int s = 0; s < 2; ++s) {
      for (const House& house : side(s).houses) {
        if (!house.garden() || house.z0 > 45) continue;
        scene_.fences.push_back(plan_fence(side(s).front, house.z0, house.z1, random_));
      }
    }
    // A railing along the kerb, near enough that its pickets are seen.
    if (random_.chance(0.8)) {
      const int s = any_side();
      const float x = on_pavement(s, 0.12f), z = z_in_view(x, 5, 12);
      scene_.fences.push_back(plan_fence(x, z, z + uniform(random_, 5, 10), random_));
    }
  }

  void trees() {
    for (int s = 0; s < 2; ++s) {
      for (const House& house : side(s).houses) {
        if (!house.garden() || house.z0 > 70) continue;
        for (int64_t n = 1 + random_.below(3); n > 0; --n) {
          const float behind = uniform(random_, 1.2f, 6) * (s == 0 ? -1.0f : 1.0f);
          add(Kind::tree, side(s).front + behind, uniform(random_, house.z0, house.z1));
        }
      }
      if (!random_.chance(0.55)) continue;
      const float period = uniform(random_, 7, 13);
      for (float z = uniform(random_, 6, 13); z < 60; z += period) {
        add(Kind::tree, on_pavement(s, 0.3f), z);
      }
    }
  }

  void lamps_and_signs() {
    const int lamp_side = any_side();
    const float period = uniform(random_, 9, 15), x = on_pavement(lamp_side, 0.18f);
    for (float z = z_in_view(x, 5, 9); z < 60; z += period) add(Kind::lamp, x, z);
    if (random_.chance(0.4)) {
      const float other = on_pavement(1 - lamp_side, 0.2f);
      add(Kind::lamp, other, z_in_view(other, 5, 14));
    }
    for (int64_t n = 2 + random_.below(3); n > 0; --n) {
      const float sign_x = on_pavement(any_side(), uniform(random_, 0.1f, 0.3f));
      add(random_.chance(0.3) ? Kind::traffic_light : Kind::sign, sign_x,
          z_in_view(sign_x, 5, n == 1 ? 9.0f : 20.0f));
    }
  }

  void cars() {
    const float middle = scene_.surface.middle;
    const float right_lane = (middle + side(1).kerb) / 2, left_lane = (middle + side(0).kerb) / 2;
    float z = uniform(random_, 8, 24);
    for (int64_t n = random_.below(3); n > 0 && z < 60; --n) {
      add(Kind::car, right_lane + uniform(random_, -0.2f, 0.2f), z, 1);
      z += uniform(random_, 8, 20);
    }
    z = uniform(random_, 8, 30);
    for (int64_t n = random_.below(3); n > 0 && z < 60; --n) {
      add(Kind::car, left_lane + uniform(random_, -0.2f, 0.2f), z, -1);
      z += uniform(random_, 8, 20);
    }
    for (int s = 0; s < 2; ++s) {
      if (!random_.chance(s == 0 ? 0.7 : 0.6)) continue;
      const float x = side(s).kerb + (s == 0 ? 1.0f : -0.9f);
      for (z = z_in_view(x, 5, 12); z < 50; z += uniform(random_, 5.2f, 8)) {
        if (random_.chance(0.65) && free_for_car(x, z)) add(Kind::car, x, z, s == 0 ? -1 : 1);
      }
    }
  }

  bool free_for_car(float x, float z) const {
    return std::none_of(scene_.things.begin(), scene_.things.end(), [&](const Thing& t) {
      return t.kind == Kind::car && std::abs(t.x - x) < 1.9f && std::abs(t.z - z) < 5;
    });
  }

  void people() {
    for (int64_t n = 2 + random_.below(4); n > 0; --n) {
      const float x = on_pavement(any_side(), uniform(random_, 0.3f, 0.85f));
      add(Kind::pedestrian, x, z_in_view(x, 5, n <= 2 ? 9.0f : 22.0f),
          random_.chance(0.5) ? 1 : -1);
    }
    if (scene_.surface.crossing_z > 0) {
      add(Kind::pedestrian, uniform(random_, side(0).kerb, side(1).kerb),
          scene_.surface.crossing_z + uniform(random_, 0.5f, 2.5f));
    }
    for (int64_t n = 1 + random_.below(2); n > 0; --n) {
      const bool away = random_.chance(0.5);
      const float x = away ? side(1).kerb - uniform(random_, 0.5f, 1.6f)
                           : side(0).kerb + uniform(random_, 0.6f, 2.6f);
      add(Kind::cyclist, x, z_in_view(x, 4.5f, n == 1 ? 8.0f : 16.0f), away ? 1 : -1);
    }
  }

  Scene& scene_;
  Random& random_;
};

}  // namespace

Scene plan_scene(int64_t height, int64_t width, uint64_t seed, int64_t index) {
  Scene scene;
  scene.height = height;
  scene.width = width;
  scene.key = {seed, stream_of("streets"), static_cast<uint64_t>(index)};
  Random random = scene.random(0);
  scene.camera = plan_camera(height, width, random);
  scene.weather = plan_weather(random);
  scene.sides = plan_sides(random);
  scene.surface = plan_surface(scene.sides, random);
  scene.woods_ahead = random.chance(0.5);
  Placer(scene, random).place_all();
  return scene;
}

}  // namespace pixelgrad::streets

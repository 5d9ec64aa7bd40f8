#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "data/streets_canvas.h"
#include "tensor/random.h"

// What a street scene consists of, before it is drawn. Lengths are metres; X points right, Y up
// from the road, Z forward from the camera.

namespace pixelgrad::streets {

enum Label : uint8_t {
  sky,
  building,
  pole,
  road,
  pavement,
  tree,
  sign_symbol,
  fence,
  car,
  pedestrian,
  bicyclist
};

/// A pinhole camera that looks along Z: x = x0 + f X / Z, y = y0 + f (height - Y) / Z.
struct Camera {
  float focal = 1;       ///< pixels
  float x0 = 0, y0 = 0;  ///< the vanishing point of the street; y0 is the horizon
  float height = 1.5f;   ///< above the road

  Point project(float x, float y, float z) const {
    return {x0 + focal * x / z, y0 + focal * (height - y) / z};
  }
  float pixels(float metres, float z) const { return focal * metres / z; }
};

/// The light of the hour and the air.
struct Weather {
  Color sunlight, zenith, horizon, haze;
  float haze_density = 0;  ///< share of haze a metre
  float cloud_cover = 0, cloud_scale = 1;
  float sun_side = 1;         ///< -1: the sun stands left of the street
  float shadow = 0.6f;        ///< brightness of what the sun does not reach
  float shadow_reach = 0.8f;  ///< length of a shadow by the height of what casts it

  /// Colour `c`, of which `brightness` is lit, as seen through z metres of air.
  Color seen(Color c, float brightness, float z) const {
    return mix(haze, c * sunlight * brightness, std::exp(-haze_density * z));
  }
};

/// A stretch of one side of the street: a house, or a garden (height 0).
struct House {
  float z0 = 0, z1 = 0, height = 0;
  float storey = 3, bay = 2.5f, window_width = 1.2f, window_height = 1.5f;
  float roof_height = 0;  ///< of a pitched roof above the wall; 0: flat
  bool shop = false;
  Color wall, trim, roof, shop_front;
  uint32_t salt = 0;
  bool garden() const { return height == 0; }
};

/// A fence along the street.
struct FenceRun {
  float x = 0, z0 = 0, z1 = 0, height = 1.1f;
  float spacing = 0.25f;  ///< of the pickets
  float solid = 0.5f;     ///< share of the spacing that a picket fills
  Color color;
};

/// One side: kerb and front of the houses, as distances from X = 0 of the road's middle line.
struct Side {
  float kerb = 4, front = 6.5f;  ///< X coordinates, negative on the left
  std::vector<House> houses;     ///< by ascending z, without holes
};

struct RoadSurface {
  Color asphalt, pavement, kerb, mark;
  float middle = 0;  ///< X of the middle line
  float dash = 3, dash_period = 8;
  bool edge_lines = false;
  float crossing_z = -1;  ///< of a zebra crossing; negative: none
  uint32_t salt = 0;
};

/// Something that stands on the ground. `salt` keys all that its drawing draws by chance.
struct Thing {
  enum class Kind { tree, lamp, sign, traffic_light, car, pedestrian, cyclist };
  Kind kind;
  float x = 0, z = 0;
  int heading = 1;  ///< cars and people: 1 away from the camera, -1 towards it
  uint64_t salt = 0;
};

struct Scene {
  int64_t height = 0, width = 0;
  Camera camera;
  Weather weather;
  RoadSurface surface;
  std::array<Side, 2> sides;  ///< left, right
  std::vector<FenceRun> fences;
  std::vector<Thing> things;  ///< farthest first
  bool woods_ahead = false;   ///< trees, not houses, on the horizon
  RandomKey key;

  /// Random numbers for one purpose.
  Random random(uint64_t salt) const {
    return Random({.seed = key.seed, .stream = key.stream, .step = mix_salt(salt)});
  }

 private:
  uint64_t mix_salt(uint64_t salt) const { return pixelgrad::mix(key.step, salt); }
};

/// Draws up scene `index` of `seed` for a canvas of that size.
Scene plan_scene(int64_t height, int64_t width, uint64_t seed, int64_t index);

/// What the ground at (x, z) is and looks like; one pixel covers `across` x `along` metres of it.
struct Surface {
  Color color;
  Label label;
};
Surface ground_at(const Scene& scene, float x, float z, float across, float along);
/// The front of a house of side 0 or 1 at distance z and height y; a pixel covers `along` x `up`.
Color facade_at(const Scene& scene, int side, const House& house, float z, float y, float along,
                float up);
/// Its wall towards the camera, `inwards` metres behind the front.
Color side_wall_at(const Scene& scene, int side, const House& house, float inwards, float y);
/// Its pitched roof.
Color roof_at(const Scene& scene, int side, const House& house, float z, float y);

/// Sky, horizon, ground, houses: every pixel gets colour, label and depth.
void draw_surroundings(const Scene& scene, Canvas& canvas);
void draw_fence(const Scene& scene, const FenceRun& run, Canvas& canvas);
void draw_tree(const Scene& scene, const Thing& thing, Canvas& canvas);
void draw_lamp(const Scene& scene, const Thing& thing, Canvas& canvas);
void draw_sign(const Scene& scene, const Thing& thing, Canvas& canvas);
void draw_traffic_light(const Scene& scene, const Thing& thing, Canvas& canvas);
void draw_car(const Scene& scene, const Thing& thing, Canvas& canvas);
void draw_pedestrian(const Scene& scene, const Thing& thing, Canvas& canvas);
void draw_cyclist(const Scene& scene, const Thing& thing, Canvas& canvas);

/// What lens and sensor make of the light: blur, exposure, white balance, vignette, noise, 8 bits.
Image expose(const Scene& scene, const Canvas& canvas);

inline float uniform(Random& random, float low, float high) {
  return static_cast<float>(random.uniform(low, high));
}
template <size_t N>
Color pick(Random& random, const std::array<Color, N>& choices) {
  return choices[static_cast<size_t>(random.below(static_cast<int64_t>(N)))];
}

}  // namespace pixelgrad::streets

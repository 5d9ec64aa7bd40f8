// Textures of what does not move: asphalt, pavements, facades.
#include "data/streets_scene.h"

namespace pixelgrad::streets {
namespace {

/// A texture of size `detail` fades where a pixel covers more than that.
float visible_detail(float detail, float footprint) { return clamp01(1.5f - footprint / detail); }

float position_in(float v, float period) { return v - period * std::floor(v / period); }

bool sunlit(const Scene& scene, int side) {
  return (side == 0 ? 1.0f : -1.0f) * scene.weather.sun_side > 0;
}

/// Brightness of the ground: the houses on the sun's side throw their shadows on it.
float ground_light(const Scene& scene, float x, float z) {
  const Weather& weather = scene.weather;
  const Side& side = scene.sides[weather.sun_side > 0 ? 1 : 0];
  const float distance = (side.front - x) * weather.sun_side;
  if (distance < 0) return 1;
  const float from = z + 0.4f * distance;  // the sun stands a little ahead
  for (const House& house : side.houses) {
    if (from >= house.z1) continue;
    if (house.garden()) return 1;
    const float reach = (house.height + house.roof_height) * weather.shadow_reach;
    return std::lerp(weather.shadow, 1.0f, smoothstep(reach - 0.25f, reach + 0.25f, distance));
  }
  return 1;
}

Color asphalt_at(const Scene& scene, float x, float z, float across, float along) {
  const RoadSurface& s = scene.surface;
  const float footprint = std::max(across, along);
  float k = 1 + 0.14f * (value_noise(0.5f * x, 0.15f * z, s.salt) - 0.5f);
  k += 0.20f * (value_noise(4 * x, 4 * z, s.salt + 1) - 0.5f) * visible_detail(0.3f, footprint);
  k += 0.12f * (value_noise(18 * x, 18 * z, s.salt + 2) - 0.5f) * visible_detail(0.08f, footprint);
  // Wheels polish two tracks a lane.
  const float lane = std::abs(x - s.middle);
  k -= 0.08f * (band(lane, 0.7f, 1.3f, 0.5f) + band(lane, 2.3f, 2.9f, 0.5f));
  const Color color = s.asphalt * k;

  float mark = band(x, s.middle - 0.09f, s.middle + 0.09f, std::max(across, 0.01f)) *
               band(position_in(z, s.dash_period), 0, s.dash, std::max(along, 0.01f));
  if (s.edge_lines) {
    const float left = scene.sides[0].kerb + 0.35f, right = scene.sides[1].kerb - 0.35f;
    mark +=
        band(x, left - 0.06f, left + 0.06f, across) + band(x, right - 0.06f, right + 0.06f, across);
  }
  if (s.crossing_z > 0) {
    mark = std::max(mark, band(z, s.crossing_z, s.crossing_z + 2.8f, along) *
                              band(position_in(x, 1.0f), 0.25f, 0.75f, across));
  }
  const float wear = 0.75f + 0.25f * value_noise(6 * x, 2 * z, s.salt + 3);
  return mix(color, s.mark, clamp01(mark) * wear);
}

Color paving_at(const Scene& scene, float x, float z, float across, float along) {
  const RoadSurface& s = scene.surface;
  constexpr float slab = 0.75f, joint = 0.04f;
  const float slab_tone = hash01(static_cast<int32_t>(std::floor(x / slab)),
                                 static_cast<int32_t>(std::floor(z / slab)), s.salt + 4) -
                          0.5f;
  const float detail = visible_detail(slab, along);
  float k = 1 + 0.14f * slab_tone * detail;
  k += 0.12f * (value_noise(0.8f * x, 0.8f * z, s.salt + 5) - 0.5f);
  const float joints = std::max(band(position_in(x, slab), 0, joint, across),
                                band(position_in(z, slab), 0, joint, along));
  return s.pavement * (k * (1 - 0.35f * joints * detail));
}

/// Glass of one window: sky above, the other side of the street below, some curtains.
Color glass_at(const Scene& scene, const House& house, int32_t column, int32_t floor,
               float height) {
  const float chance = hash01(column, floor, house.salt);
  Color glass = mix({0.13f, 0.17f, 0.22f}, scene.weather.zenith, 0.15f + 0.45f * height);
  if (chance < 0.25f) glass = mix(glass, {0.86f, 0.83f, 0.76f}, 0.6f);
  if (chance > 0.93f) glass = {0.98f, 0.86f, 0.55f};
  return glass;
}

}  // namespace

Surface ground_at(const Scene& scene, float x, float z, float across, float along) {
  constexpr float kerb_width = 0.2f;
  const float left = x - scene.sides[0].kerb, right = scene.sides[1].kerb - x;
  const float inside = std::min(left, right);  // from the nearer kerb towards the road
  Surface surface;
  if (inside >= 0) {
    surface = {asphalt_at(scene, x, z, across, along), road};
    surface.color = surface.color * (0.82f + 0.18f * smoothstep(0, 0.5f, inside));  // gutter
  } else if (x > scene.sides[0].front && x < scene.sides[1].front) {
    surface = {paving_at(scene, x, z, across, along), pavement};
    surface.color = mix(surface.color, scene.surface.kerb, band(-inside, 0, kerb_width, across));
  } else {
    const float blades = value_noise(5 * x, 5 * z, scene.surface.salt + 6);
    const float patches = value_noise(0.7f * x, 0.7f * z, scene.surface.salt + 7);
    surface = {mix({0.24f, 0.42f, 0.16f}, {0.42f, 0.54f, 0.24f}, 0.6f * patches + 0.4f * blades),
               tree};
  }
  surface.color = scene.weather.seen(surface.color, ground_light(scene, x, z), z);
  return surface;
}

Color facade_at(const Scene& scene, int side, const House& house, float z, float y, float along,
                float up) {
  const float u = z - house.z0, length = house.z1 - house.z0;
  const float bays = std::max(1.0f, std::floor(length / house.bay)), bay = length / bays;
  const float storey = house.storey;
  const auto floor = static_cast<int32_t>(y / storey);
  const auto column = static_cast<int32_t>(u / bay);
  const float in_bay = u - bay * (static_cast<float>(column) + 0.5f);
  const float in_storey = y - storey * static_cast<float>(floor);

  // Plaster or brick, darker towards the ground.
  float k = 1 + 0.10f * (value_noise(0.9f * u, 0.9f * y, house.salt) - 0.5f);
  k += 0.14f * (value_noise(2.5f * u, 9 * y, house.salt + 1) - 0.5f) * visible_detail(0.4f, along);
  k *= 0.88f + 0.12f * smoothstep(0, 1.5f, y);
  Color color = house.wall * k;

  const bool ground_floor = floor == 0;
  const bool whole_storey = storey * static_cast<float>(floor + 1) <= house.height + 0.05f;
  float half_width = house.window_width / 2, bottom = 0.9f, top = 0.9f + house.window_height;
  if (ground_floor && house.shop) {
    half_width = bay * 0.44f;
    bottom = 0.35f;
    top = 2.1f;
  } else if (ground_floor && column == static_cast<int32_t>(bays) / 2) {
    half_width = 0.55f;  // the door
    bottom = 0;
    top = 2.1f;
  }
  if (whole_storey) {
    const float detail = visible_detail(bay * 0.6f, along);
    const auto opening = [&](float margin) {
      return band(in_bay, -half_width - margin, half_width + margin, std::max(along, 0.01f)) *
             band(in_storey, bottom - margin, top + margin, std::max(up, 0.01f));
    };
    color = mix(color, house.trim, detail * opening(0.12f));
    const bool door = bottom == 0;
    Color inside =
        door ? house.shop_front
             : glass_at(scene, house, column, floor, (in_storey - bottom) / (top - bottom));
    if (!door) inside = mix(inside, house.trim, 0.8f * band(in_bay, -0.04f, 0.04f, along + 0.01f));
    color = mix(color, inside, (0.45f + 0.55f * detail) * opening(0));
  }
  if (ground_floor && house.shop) color = mix(color, house.shop_front, band(y, 2.2f, 2.75f, up));
  color = mix(color, house.trim, 0.8f * band(y, house.height - 0.35f, house.height, up));

  const float lit = sunlit(scene, side) ? 1.08f : 0.5f + 0.5f * scene.weather.shadow;
  return scene.weather.seen(color, lit, z);
}

Color side_wall_at(const Scene& scene, int side, const House& house, float inwards, float y) {
  const float k = 1 + 0.12f * (value_noise(1.3f * inwards, 1.3f * y, house.salt + 2) - 0.5f);
  const float window = band(position_in(y, house.storey), 1.0f, 2.1f, 0.1f) *
                       band(position_in(inwards, 3.4f), 1.4f, 2.4f, 0.1f) *
                       (y < house.height - 0.4f ? 1.0f : 0.0f);
  const Color color = mix(house.wall * k, {0.20f, 0.24f, 0.30f}, 0.85f * window);
  return scene.weather.seen(color, sunlit(scene, side) ? 0.82f : 0.74f, house.z0);
}

Color roof_at(const Scene& scene, int side, const House& house, float z, float y) {
  const float rows = position_in(y, 0.35f) < 0.08f && z < 25 ? 0.85f : 1.0f;
  const float k = rows + 0.18f * (value_noise(2 * z, 5 * y, house.salt + 3) - 0.5f);
  return scene.weather.seen(house.roof * k, sunlit(scene, side) ? 1.05f : 0.85f, z);
}

}  // namespace pixelgrad::streets

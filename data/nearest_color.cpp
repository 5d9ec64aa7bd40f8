#include "data/nearest_color.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>

#include "tensor/check.h"

namespace pixelgrad {
namespace {

constexpr int cells = 32;          // along each side of the cube of all colours
constexpr int side = 256 / cells;  // colours along each side of a cell
constexpr size_t block_size = size_t{side} * side * side;

/// Least and greatest squared distance from a colour to those of a cell.
struct Reach {
  int least = 0, greatest = 0;
};

/// `low` is the darkest corner of the cell.
Reach reach_of(Rgb color, const std::array<int, 3>& low) {
  Reach r;
  for (size_t c = 0; c < 3; ++c) {
    const int to_low = low[c] - int{color[c]}, to_high = low[c] + side - 1 - int{color[c]};
    const int least = std::max({0, to_low, -to_high});
    const int greatest = std::max(std::abs(to_low), std::abs(to_high));
    r.least += least * least;
    r.greatest += greatest * greatest;
  }
  return r;
}

/// The colours that can be nearest somewhere in a cell, in the order of `colors`.
struct Candidates {
  ColorTable table;
  bool one_answer = true;  ///< the whole cell has the answer that its darkest corner has
};

Candidates candidates_of(const ColorTable& colors, const std::array<int, 3>& low,
                         double max_squared) {
  std::vector<Reach> reaches;
  int bound = 3 * 255 * 255;  // in all of the cell the nearest colour is no farther
  for (const ColorTable::Entry& entry : colors.entries()) {
    reaches.push_back(reach_of(entry.color, low));
    bound = std::min(bound, reaches.back().greatest);
  }
  Candidates result;
  for (size_t i = 0; i < reaches.size(); ++i)
    if (reaches[i].least <= bound) {
      const ColorTable::Entry& entry = colors.entries()[i];
      const auto& known = result.table.entries();
      if (!known.empty() && known[0].id != entry.id) result.one_answer = false;
      result.table.add(entry.color, entry.id);
    }
  const bool all_within = bound <= max_squared;
  const bool none_within = std::all_of(reaches.begin(), reaches.end(),
                                       [&](const Reach& r) { return r.least > max_squared; });
  result.one_answer = none_within || (result.one_answer && all_within);
  return result;
}

}  // namespace

NearestColors::NearestColors(const ColorTable& colors, double max_distance)
    : first_(size_t{cells} * cells * cells) {
  for (uint32_t channel = 0; channel < 3; ++channel)
    for (uint32_t v = 0; v < 256; ++v) {
      const uint32_t cell = v / side, place = v % side, left = 2 - channel;
      spots_[channel][v] = cell << (5 * left) << 16 | place << (3 * left);
    }
  const double max_squared = max_distance * max_distance;
  std::map<uint8_t, uint32_t> equal_blocks;  // by their answer
  size_t cell = 0;
  for (int r = 0; r < cells; ++r)
    for (int g = 0; g < cells; ++g)
      for (int b = 0; b < cells; ++b, ++cell) {
        const std::array<int, 3> low = {side * r, side * g, side * b};
        const Candidates candidates = candidates_of(colors, low, max_squared);
        const auto answer = [&](int dr, int dg, int db) {
          return candidates.table.nearest(
              Rgb{static_cast<uint8_t>(low[0] + dr), static_cast<uint8_t>(low[1] + dg),
                  static_cast<uint8_t>(low[2] + db)},
              max_distance);
        };
        const auto next = static_cast<uint32_t>(answers_.size());
        if (candidates.one_answer) {
          const uint8_t id = answer(0, 0, 0);
          const auto [block, is_new] = equal_blocks.emplace(id, next);
          first_[cell] = block->second;
          if (is_new) answers_.insert(answers_.end(), block_size, id);
          continue;
        }
        first_[cell] = next;
        for (int dr = 0; dr < side; ++dr)
          for (int dg = 0; dg < side; ++dg)
            for (int db = 0; db < side; ++db) answers_.push_back(answer(dr, dg, db));
      }
}

void NearestColors::convert(std::span<const uint8_t> rgb, std::span<uint8_t> ids) const {
  check(rgb.size() == 3 * ids.size(), "[palette] ", rgb.size(), " bytes of RGB for ", ids.size(),
        " ids, expected ", 3 * ids.size());
  // Some pixels at a time, each step for all of them: a store into bytes may alias anything, so
  // that one a pixel would keep the loads of the next behind it.
  constexpr size_t group = 4;
  const uint8_t *color = rgb.data(), *answers = answers_.data();
  const uint32_t* first = first_.data();
  size_t i = 0;
  for (; i + group <= ids.size(); i += group, color += 3 * group) {
    std::array<uint32_t, group> spots;
    std::array<uint8_t, group> found;
    for (size_t j = 0; j < group; ++j) spots[j] = spot_of(color + 3 * j);
    for (size_t j = 0; j < group; ++j)
      found[j] = answers[first[spots[j] >> 16] + (spots[j] & 0xFFFF)];
    std::copy(found.begin(), found.end(), ids.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (; i < ids.size(); ++i, color += 3) ids[i] = (*this)({color[0], color[1], color[2]});
}

}  // namespace pixelgrad

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
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = id_of(&rgb[3 * i]);
}

}  // namespace pixelgrad

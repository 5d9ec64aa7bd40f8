#include "data/readers/pair_labels.h"

#include <array>
#include <utility>

#include "tensor/check.h"
#include "tensor/random.h"

namespace pixelgrad::readers {
namespace {

/// The same colours, each with its position as id.
ColorTable with_positions(const ColorTable& colors) {
  check<DataError>(colors.size() <= ignore_label, "[dataset] pairs with ", colors.size(),
                   " colours, expected at most ", int{ignore_label});
  ColorTable table;
  for (const ColorTable::Entry& entry : colors.entries())
    table.add(entry.color, static_cast<uint8_t>(table.size()));
  return table;
}

int squared_distance(const uint8_t* a, Rgb b) {
  int sum = 0;
  for (size_t c = 0; c < 3; ++c) sum += (a[c] - b[c]) * (a[c] - b[c]);
  return sum;
}

}  // namespace

PairLabels::PairLabels(ColorTable colors, bool prune)
    : colors_(std::move(colors)),
      prune_(prune),
      nearest_(prune ? with_positions(colors_) : colors_, pair_color_distance) {}

LabelMap PairLabels::operator()(const Image& label) const {
  LabelMap labels(label.height, label.width);
  nearest_.convert(label.pixels, labels.ids);
  if (prune_) prune_specks(label, labels);
  return labels;
}

/// `places` holds positions in colors_ and gets ids.
void PairLabels::prune_specks(const Image& label, LabelMap& places) const {
  const std::vector<ColorTable::Entry>& entries = colors_.entries();
  std::array<int64_t, 256> clear{};  // pixels clearly of this colour
  for (size_t i = 0; i < places.ids.size(); ++i) {
    const uint8_t place = places.ids[i];
    if (place == ignore_label) continue;
    clear[place] += squared_distance(&label.pixels[3 * i], entries[place].color) <=
                    prune_distance * prune_distance;
  }
  ColorTable kept;
  std::array<bool, 256> is_kept{};
  const double least = prune_share * static_cast<double>(places.ids.size());
  for (size_t e = 0; e < entries.size(); ++e) {
    is_kept[e] = clear[e] > 0 && static_cast<double>(clear[e]) >= least;
    if (is_kept[e]) kept.add(entries[e].color, entries[e].id);
  }
  for (size_t i = 0; i < places.ids.size(); ++i) {
    uint8_t& id = places.ids[i];
    if (id == ignore_label) continue;
    const uint8_t* c = &label.pixels[3 * i];
    id = is_kept[id] ? entries[id].id : kept.nearest(Rgb{c[0], c[1], c[2]}, pair_color_distance);
  }
}

uint64_t PairLabels::fingerprint() const {
  constexpr uint64_t version = 1;  // of the rule: another when the same options give other ids
  uint64_t hash = mix(version, prune_);
  for (const ColorTable::Entry& e : colors_.entries())
    hash = mix(hash, uint64_t{e.color[0]} << 24 | uint64_t{e.color[1]} << 16 |
                         uint64_t{e.color[2]} << 8 | e.id);
  return hash;
}

}  // namespace pixelgrad::readers

#pragma once
#include <cstdint>

#include "data/nearest_color.h"
#include "data/palette.h"

namespace pixelgrad::readers {

/// A label pixel farther than this from every class colour (Euclidean in RGB) is ignored: at the
/// border of two classes JPEG makes colours that belong to neither.
inline constexpr double pair_color_distance = 60;

/// Pruning keeps a colour that at least this share of the pixels has, within this distance. Between
/// two classes JPEG makes colours of a third that is not in the picture at all, but never much of
/// them.
inline constexpr double prune_share = 5e-4;
inline constexpr double prune_distance = 12;

/// From a colour label that went through JPEG to class ids.
class PairLabels {
 public:
  /// Every pixel takes the id of the nearest colour, with `prune` of the nearest that its image
  /// really holds; pixels too far from all are ignore_label. At most 255 colours.
  PairLabels(ColorTable colors, bool prune);

  LabelMap operator()(const Image& label) const;

  /// Differs between rules that may give different ids.
  uint64_t fingerprint() const;

 private:
  void prune_specks(const Image& label, LabelMap& places) const;

  ColorTable colors_;
  bool prune_;
  NearestColors nearest_;  // to ids; when pruning, to positions in colors_
};

}  // namespace pixelgrad::readers

#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/label_png.h"
#include "data/readers/layout.h"

namespace pixelgrad::readers {

/// What each value of a mask of ids means.
class IdTable {
 public:
  /// Value i is class i, or ignore_label where class i is void by name; 255 is ignore_label, and so
  /// is `unlabelled`.
  explicit IdTable(const std::vector<ClassInfo>& classes, int unlabelled = ignore_label);

  /// Value i is meaning[i]; every other value but 255 is without meaning.
  explicit IdTable(std::span<const uint8_t> meaning);

  /// The ids of a gray or palette mask. Throws DataError on an RGB mask, or on a value without
  /// meaning, naming `file`, the first such pixel, its value and how many there are.
  LabelMap labels(const RawMask& mask, const std::string& file) const;

 private:
  int64_t values_;  // 0 to values_ - 1 have a meaning
  int unlabelled_;
  std::vector<uint8_t> ids_;  // by value
  std::vector<bool> valid_;   // by value
};

/// The ids of a mask by the colours of its pixels: RGB as it stands, a palette's entries, a gray
/// level v as (v, v, v). Black that is in no class is ignore_label. Throws DataError on another
/// unknown colour, naming `file`, the first such pixel, the colour and how many there are.
LabelMap labels_by_color(const RawMask& mask, const ColorTable& colors, const std::string& file);

/// One class name a line; blank lines and lines that begin with # are skipped. Void names are not
/// scored; colours are default_colors. Throws DataError on no or more than 255 names, or a name
/// that comes twice.
std::vector<ClassInfo> read_class_names(const std::filesystem::path& file);

using MaskDecoder = std::function<LabelMap(const std::filesystem::path& mask)>;

/// A data set of photos and mask files, with the rule that turns a mask into labels.
std::unique_ptr<Dataset> make_mask_dataset(std::string format, Pairing files,
                                           std::vector<ClassInfo> classes, MaskDecoder decode);

}  // namespace pixelgrad::readers

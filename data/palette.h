#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/image.h"

namespace pixelgrad {

/// One class of a data set. Its id is its position in the list.
struct ClassInfo {
  std::string name;
  Rgb color{};
  bool scored = true;  ///< counts in the mean of metrics; false for void classes
};

/// The colours of `classes`, for colorize and overlay.
std::vector<Rgb> colors_of(std::span<const ClassInfo> classes);

/// `count` distinct colours (0 to 256): the colour map of the PASCAL VOC development kit, which
/// spreads the bits of the class id over the high bits of red, green and blue.
std::vector<Rgb> default_colors(int64_t count);

/// Classes named "0", "1", ... in default_colors.
std::vector<ClassInfo> default_classes(int64_t count);

/// True for the names that data sets give to "no class": Void, Unlabeled, Unlabelled, Ignore (in
/// any case).
bool is_void_name(std::string_view name);

/// From colours to class ids.
class ColorTable {
 public:
  ColorTable() = default;
  /// Colour i means id i, or ignore_label where the class is void by name and not scored.
  explicit ColorTable(std::span<const ClassInfo> classes);

  /// Adds a colour; several may share an id. Throws DataError when it already means another id.
  void add(Rgb color, uint8_t id);
  int64_t size() const { return static_cast<int64_t>(entries_.size()); }

  /// The id of exactly this colour.
  std::optional<uint8_t> exact(Rgb color) const;

  /// The id of the nearest colour (Euclidean in RGB; the first added wins a tie), or ignore_label
  /// when even that is farther than `max_distance`, or the table is empty. For whole images there
  /// is NearestColors (nearest_color.h).
  uint8_t nearest(Rgb color, double max_distance) const;

  /// Ids of a whole RGB image by exact colour. A colour that is not in the table throws DataError
  /// naming `file`, pixel and colour.
  LabelMap exact(const Image& image, const std::string& file) const;

  struct Entry {
    Rgb color;
    uint8_t id;
  };
  /// The colours in the order added.
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;  // in the order added
  std::vector<int32_t> slots_;  // open addressing: index into entries_ or -1; a power of two
  size_t slot_of(Rgb color) const;
};

/// Reads a label_colors.txt: a line `R G B name` a class, any whitespace, any line ends; the name
/// is the rest of the line. Blank lines and lines that begin with # or // are skipped. Void names
/// are not scored. Throws DataError with file and line on a value outside 0..255, a missing name,
/// or a colour or name that was there before.
std::vector<ClassInfo> read_label_colors(const std::filesystem::path& path);

/// Writes the file that read_label_colors reads (`R G B<TAB>name`).
void write_label_colors(const std::filesystem::path& path, std::span<const ClassInfo> classes);

}  // namespace pixelgrad

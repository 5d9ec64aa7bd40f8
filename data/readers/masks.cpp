#include "data/readers/masks.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "data/file_io.h"
#include "data/image_io.h"
#include "tensor/check.h"

namespace pixelgrad::readers {
namespace {

constexpr int64_t max_classes = ignore_label;

void check_class_count(size_t count, const std::string& where) {
  check<DataError>(count >= 1 && count <= max_classes, "[dataset] ", where, ": ", count,
                   " classes, expected 1 to ", max_classes);
}

/// Id i for class i, or ignore_label where it is void by name.
std::vector<uint8_t> ids_of_classes(const std::vector<ClassInfo>& classes) {
  check_class_count(classes.size(), "class list");
  std::vector<uint8_t> ids(classes.size(), ignore_label);
  for (size_t i = 0; i < classes.size(); ++i)
    if (classes[i].scored || !is_void_name(classes[i].name)) ids[i] = static_cast<uint8_t>(i);
  return ids;
}

std::string pixel_name(size_t i, int64_t width) {
  const int64_t at = static_cast<int64_t>(i);
  return str("pixel (x=", at % width, ", y=", at / width, ")");
}

/// The mask as RGB. Gray levels and palette indices become colours.
Image colors_of_mask(const RawMask& mask, const std::string& file) {
  Image image(mask.height, mask.width, 3);
  if (mask.kind == RawMask::Kind::rgb || mask.kind == RawMask::Kind::rgba) {
    image.pixels = mask.rgb;
    return image;
  }
  const int64_t brightest = (int64_t{1} << mask.bit_depth) - 1;
  for (size_t i = 0; i < mask.values.size(); ++i) {
    const uint16_t v = mask.values[i];
    Rgb color;
    if (mask.kind == RawMask::Kind::gray) {
      color.fill(static_cast<uint8_t>(v * 255 / brightest));
    } else {
      if (v >= mask.palette.size())
        throw DataError(str("[dataset] ", file, ": ", pixel_name(i, mask.width),
                            " has palette index ", v, ", the palette has ", mask.palette.size(),
                            " colours"));
      color = mask.palette[v];
    }
    std::copy(color.begin(), color.end(), &image.pixels[3 * i]);
  }
  return image;
}

class MaskDataset : public Dataset {
 public:
  MaskDataset(std::string format, Pairing files, std::vector<ClassInfo> classes, MaskDecoder decode)
      : Dataset(std::move(format), static_cast<int64_t>(files.pairs.size()), std::move(classes),
                std::move(files.warnings)),
        files_(std::move(files.pairs)),
        decode_(std::move(decode)) {}

  std::string name(int64_t index) const override {
    return files_.at(static_cast<size_t>(index)).image.string();
  }

 protected:
  Sample read(int64_t index) const override {
    const FilePair& files = files_[static_cast<size_t>(index)];
    return {read_image(files.image), decode_(files.mask), files.image.string(),
            files.mask.string()};
  }

 private:
  std::vector<FilePair> files_;
  MaskDecoder decode_;
};

}  // namespace

IdTable::IdTable(std::span<const uint8_t> meaning)
    : values_(static_cast<int64_t>(meaning.size())),
      unlabelled_(ignore_label),
      ids_(256, ignore_label),
      valid_(256, false) {
  std::copy(meaning.begin(), meaning.end(), ids_.begin());
  std::fill_n(valid_.begin(), meaning.size(), true);
  valid_[ignore_label] = true;
}

IdTable::IdTable(const std::vector<ClassInfo>& classes, int unlabelled)
    : IdTable(ids_of_classes(classes)) {
  unlabelled_ = unlabelled;
  valid_[static_cast<size_t>(unlabelled)] = true;
}

LabelMap IdTable::labels(const RawMask& mask, const std::string& file) const {
  check<DataError>(mask.kind == RawMask::Kind::gray || mask.kind == RawMask::Kind::palette,
                   "[dataset] mask ", file, " is ",
                   mask.kind == RawMask::Kind::rgb ? "RGB" : "RGBA",
                   "; expected class ids (gray levels or palette indices); if its colours name "
                   "classes, put a label_colors.txt (lines R G B name) into the root folder");
  LabelMap labels(mask.height, mask.width);
  size_t first_bad = 0, bad = 0;
  for (size_t i = 0; i < mask.values.size(); ++i) {
    const uint16_t v = mask.values[i];
    if (v > 255 || !valid_[v]) {
      if (bad++ == 0) first_bad = i;
    } else {
      labels.ids[i] = ids_[v];
    }
  }
  if (bad > 0) {
    const std::string also =
        unlabelled_ == ignore_label ? "" : str(", ", unlabelled_, " (unlabelled)");
    throw DataError(str("[dataset] ", file, ": ", pixel_name(first_bad, mask.width), " has id ",
                        mask.values[first_bad], ", expected 0 to ", values_ - 1, also, " or ",
                        int{ignore_label}, " (ignored); ", bad, bad == 1 ? " pixel" : " pixels",
                        " of this mask ", bad == 1 ? "has" : "have", " no class"));
  }
  return labels;
}

LabelMap labels_by_color(const RawMask& mask, const ColorTable& colors, const std::string& file) {
  const Image image = colors_of_mask(mask, file);
  LabelMap labels(mask.height, mask.width);
  size_t first_bad = 0, bad = 0;
  Rgb last{};
  std::optional<uint8_t> id;
  for (size_t i = 0; i < labels.ids.size(); ++i) {
    const Rgb color = {image.pixels[3 * i], image.pixels[3 * i + 1], image.pixels[3 * i + 2]};
    if (i == 0 || color != last) {  // masks are made of runs
      id = colors.exact(color);
      if (!id && color == Rgb{0, 0, 0}) id = ignore_label;
      last = color;
    }
    if (id)
      labels.ids[i] = *id;
    else if (bad++ == 0)
      first_bad = i;
  }
  if (bad > 0) {
    const uint8_t* c = &image.pixels[3 * first_bad];
    throw DataError(str("[dataset] ", file, ": ", pixel_name(first_bad, mask.width), " has colour ",
                        int{c[0]}, " ", int{c[1]}, " ", int{c[2]}, ", expected one of the ",
                        colors.size(), " class colours or black (ignored); ", bad,
                        bad == 1 ? " pixel" : " pixels", " of this mask ",
                        bad == 1 ? "has" : "have", " no class"));
  }
  return labels;
}

std::vector<ClassInfo> read_class_names(const std::filesystem::path& file) {
  const std::vector<uint8_t> bytes = read_file(file, 1 << 20);
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // byte order mark
  std::vector<std::string> names;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    constexpr std::string_view blanks = " \t";
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    line = line.substr(0, line.find_last_not_of(blanks) + 1);
    if (line.empty() || line.starts_with('#')) continue;
    check<DataError>(std::find(names.begin(), names.end(), line) == names.end(), "[dataset] ",
                     file.string(), ": class ", line, " comes twice");
    names.emplace_back(line);
  }
  check_class_count(names.size(), file.string());
  std::vector<ClassInfo> classes = default_classes(static_cast<int64_t>(names.size()));
  for (size_t i = 0; i < names.size(); ++i) {
    classes[i].name = names[i];
    classes[i].scored = !is_void_name(names[i]);
  }
  return classes;
}

std::unique_ptr<Dataset> make_mask_dataset(std::string format, Pairing files,
                                           std::vector<ClassInfo> classes, MaskDecoder decode) {
  return std::make_unique<MaskDataset>(std::move(format), std::move(files), std::move(classes),
                                       std::move(decode));
}

}  // namespace pixelgrad::readers

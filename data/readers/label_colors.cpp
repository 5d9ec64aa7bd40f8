#include "data/readers/label_colors.h"

#include "data/class_tables.h"
#include "data/label_png.h"
#include "data/readers/layout.h"
#include "data/readers/masks.h"
#include "tensor/check.h"

namespace pixelgrad::readers {

namespace fs = std::filesystem;

std::unique_ptr<Dataset> open_label_colors(const DatasetOptions& options) {
  auto layout = find_layout(options.path, Layout::Kind::folders);
  if (!layout) layout = find_layout(options.path, Layout::Kind::beside);
  check<DataError>(layout.has_value(), "[dataset] ", options.path.string(),
                   ": format label_colors expects {split}/images and {split}/masks, images and "
                   "masks, or X.png with X_L.png beside it");
  std::vector<ClassInfo> classes = options.classes;
  const fs::path table = options.path / "label_colors.txt";
  if (classes.empty() && fs::exists(table)) classes = read_label_colors(table);
  if (classes.empty() && layout->kind == Layout::Kind::beside) classes = camvid32_classes();
  check<DataError>(!classes.empty(), "[dataset] ", table.string(),
                   " is missing, expected lines R G B name for the colours of the masks");
  const ColorTable colors(classes);
  return make_mask_dataset("label_colors", collect(*layout, options), std::move(classes),
                           [colors](const fs::path& mask) {
                             return labels_by_color(read_mask(mask), colors, mask.string());
                           });
}

}  // namespace pixelgrad::readers

#include "data/readers/label_colors.h"

#include "data/class_tables.h"
#include "data/label_png.h"
#include "data/readers/layout.h"
#include "data/readers/masks.h"
#include "tensor/check.h"

namespace pixelgrad::readers {

namespace fs = std::filesystem;

namespace {

/// True where files are named as in CamVid, so that their colours are CamVid's unless a table says
/// otherwise.
bool is_camvid(const fs::path& root, const Layout& layout) {
  return layout.kind != Layout::Kind::folders || fs::exists(root / "LabeledApproved_full");
}

}  // namespace

std::unique_ptr<Dataset> open_label_colors(const DatasetOptions& options) {
  std::optional<Layout> layout;
  for (const auto kind : {Layout::Kind::folders, Layout::Kind::labels, Layout::Kind::beside})
    if (!layout) layout = find_layout(options.path, kind);
  check<DataError>(layout.has_value(), "[dataset] ", options.path.string(),
                   ": format label_colors expects {split}/images and {split}/masks, images and "
                   "masks, {split} and {split}_labels, or X.png with X_L.png beside it");
  const std::string set =
      options.labels.empty() ? "" : choose_labels(options, "label_colors", {"32", "11"});
  std::vector<ClassInfo> classes = options.classes;
  check<UsageError>(set.empty() || classes.empty(), "[dataset] labels \"", set,
                    "\" and a class list, expected only one of them");
  if (set == "32") classes = camvid32_classes();
  if (set == "11") classes = camvid11_classes();
  const fs::path table = options.path / "label_colors.txt";
  if (classes.empty() && fs::exists(table)) classes = read_label_colors(table);
  if (classes.empty() && is_camvid(options.path, *layout)) classes = camvid32_classes();
  check<DataError>(!classes.empty(), "[dataset] ", table.string(),
                   " is missing, expected lines R G B name for the colours of the masks");
  const ColorTable colors = set == "11" ? camvid11_colors() : ColorTable(classes);
  return make_mask_dataset("label_colors", collect(*layout, options), std::move(classes),
                           [colors](const fs::path& mask) {
                             return labels_by_color(read_mask(mask), colors, mask.string());
                           });
}

}  // namespace pixelgrad::readers

#include "data/readers/folder.h"

#include <algorithm>

#include "data/class_tables.h"
#include "data/label_png.h"
#include "data/readers/layout.h"
#include "data/readers/masks.h"
#include "tensor/check.h"
#include "tensor/parallel.h"

namespace pixelgrad::readers {
namespace {

namespace fs = std::filesystem;

/// Classes "0" to the largest id in the masks of all splits.
std::vector<ClassInfo> scan_classes(const Layout& layout, DatasetOptions options) {
  options.split = "all";
  const std::vector<FilePair> files = collect(layout, options).pairs;
  // Any id is welcome here: values are only measured.
  const IdTable any(default_classes(ignore_label));
  std::vector<int> largest(files.size(), 0);
  parallel_for(static_cast<int64_t>(files.size()), [&](int64_t i) {
    const fs::path& mask = files[static_cast<size_t>(i)].mask;
    for (const uint8_t id : any.labels(read_mask(mask), mask.string()).ids)
      if (id != ignore_label)
        largest[static_cast<size_t>(i)] = std::max<int>(largest[static_cast<size_t>(i)], id);
  });
  const int max_id = *std::max_element(largest.begin(), largest.end());
  check<DataError>(max_id > 0, "[dataset] ", options.path.string(),
                   ": the masks hold no id but 0 and 255 (255 is ignored), expected ids 0, 1, ... "
                   "for the classes; a foreground of 255 must be rewritten as 1");
  return default_classes(max_id + 1);
}

std::vector<ClassInfo> folder_classes(const Layout& layout, const DatasetOptions& options) {
  if (!options.classes.empty()) return options.classes;
  if (const fs::path file = options.path / "classes.txt"; fs::exists(file))
    return read_class_names(file);
  if (const fs::path file = options.path / "label_colors.txt"; fs::exists(file))
    return read_label_colors(file);
  return scan_classes(layout, options);
}

std::unique_ptr<Dataset> open_ids(const char* format, const Layout& layout,
                                  const DatasetOptions& options, std::vector<ClassInfo> classes,
                                  int unlabelled) {
  const IdTable ids(classes, unlabelled);
  return make_mask_dataset(
      format, collect(layout, options), std::move(classes),
      [ids](const fs::path& mask) { return ids.labels(read_mask(mask), mask.string()); });
}

}  // namespace

std::unique_ptr<Dataset> open_folder(const DatasetOptions& options) {
  choose_labels(options, "folder", {});
  const auto layout = find_layout(options.path, Layout::Kind::folders);
  check<DataError>(layout.has_value(), "[dataset] ", options.path.string(),
                   ": format folder expects {split}/images and {split}/masks, or images and masks");
  return open_ids("folder", *layout, options, folder_classes(*layout, options), ignore_label);
}

std::unique_ptr<Dataset> open_segnet(const DatasetOptions& options) {
  choose_labels(options, "segnet", {"11"});
  const auto layout = find_layout(options.path, Layout::Kind::annot);
  check<DataError>(layout.has_value(), "[dataset] ", options.path.string(),
                   ": format segnet expects {split} and {split}annot, as in train and trainannot");
  std::vector<ClassInfo> classes = options.classes;
  const fs::path names = options.path / "classes.txt";
  if (classes.empty()) classes = fs::exists(names) ? read_class_names(names) : camvid11_classes();
  const int unlabelled = static_cast<int>(classes.size());
  return open_ids("segnet", *layout, options, std::move(classes), unlabelled);
}

}  // namespace pixelgrad::readers

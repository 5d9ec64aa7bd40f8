#include "data/dataset.h"

#include <algorithm>
#include <utility>

#include "data/image_io.h"
#include "data/readers/cityscapes.h"
#include "data/readers/folder.h"
#include "data/readers/label_colors.h"
#include "data/readers/layout.h"
#include "data/readers/pairs.h"
#include "data/readers/streets.h"
#include "data/resize.h"
#include "tensor/check.h"

namespace pixelgrad {
namespace {

namespace fs = std::filesystem;

using readers::find_layout;
using readers::Layout;

/// True when the first file of a split is twice as wide as high, as the Cityscapes image pairs are,
/// or colours are given: a folder of plain photos must not pass for pairs.
bool looks_like_pairs(const fs::path& root) {
  const fs::path pairs = readers::find_pairs_root(root);
  if (pairs.empty()) return false;
  if (fs::exists(root / "label_colors.txt") || fs::exists(pairs / "label_colors.txt")) return true;
  const std::vector<std::string> splits = readers::pair_splits(pairs);
  return std::any_of(splits.begin(), splits.end(), [&](const std::string& split) {
    const ImageSize size = image_size(readers::image_files(pairs / split).front());
    return size.width == 2 * size.height;
  });
}

/// The format of the files below `root`. The order matters: annot folders and X_L.png beside X.png
/// also look like folders of photos, and colour masks lie in the same folders as masks of ids.
std::string detect_format(const fs::path& root) {
  const bool has_colors =
      fs::exists(root / "label_colors.txt") || fs::is_directory(root / "LabeledApproved_full");
  if (readers::looks_like_cityscapes(root)) return "cityscapes";
  if (find_layout(root, Layout::Kind::annot)) return "segnet";
  if (find_layout(root, Layout::Kind::folders)) return has_colors ? "label_colors" : "folder";
  if (find_layout(root, Layout::Kind::labels)) return "label_colors";
  if (find_layout(root, Layout::Kind::beside)) return "label_colors";
  if (looks_like_pairs(root)) return "pairs";
  throw DataError(str(
      "[dataset] ", root.string(),
      ": no known layout; looked for images and masks (in the root or in train, val, ...), "
      "{split} with {split}annot or {split}_labels, X.png with X_L.png, leftImg8bit with gtFine, "
      "and {split}/*.jpg "
      "of photo and label side by side (twice as wide as high, or with label_colors.txt); found ",
      [&] {
        const std::string folders = readers::list_of(readers::subfolders(root));
        return folders.empty() ? "no folders" : "the folders " + folders;
      }(),
      " and ", readers::image_files(root).size(), " images"));
}

std::unique_ptr<Dataset> open_format(const std::string& format, const DatasetOptions& options) {
  if (format == "folder") return readers::open_folder(options);
  if (format == "pairs") return readers::open_pairs(options);
  if (format == "label_colors") return readers::open_label_colors(options);
  if (format == "segnet") return readers::open_segnet(options);
  if (format == "cityscapes") return readers::open_cityscapes(options);
  if (format == "camvid")
    return open_format(find_layout(options.path, Layout::Kind::annot) ? "segnet" : "label_colors",
                       options);
  throw UsageError(str("[dataset] format \"", format,
                       "\", expected auto, folder, pairs, label_colors, segnet, camvid, "
                       "cityscapes or streets"));
}

int64_t bytes_of(const Sample& sample) {
  return static_cast<int64_t>(sample.image.pixels.size() + sample.labels.ids.size() +
                              sample.target.pixels.size());
}

}  // namespace

Dataset::Dataset(std::string format, int64_t size, std::vector<ClassInfo> classes,
                 std::vector<std::string> warnings)
    : format_(std::move(format)),
      size_(size),
      classes_(std::move(classes)),
      warnings_(std::move(warnings)) {}

void Dataset::set_cache(int64_t bytes) {
  check<UsageError>(bytes >= 0, "[dataset] cache of ", bytes, " bytes, expected 0 or more");
  cache_.assign(bytes == 0 ? 0 : static_cast<size_t>(size_), nullptr);
  cache_room_ = bytes;
}

void Dataset::set_resize(ImageSize size) {
  check<UsageError>(size.height > 0 && size.width > 0 && size.height <= max_image_side &&
                        size.width <= max_image_side,
                    "[dataset] resize to ", size.height, "x", size.width,
                    ", expected sides of 1 to ", max_image_side);
  resize_ = size;
}

Sample Dataset::load(int64_t index) const {
  check(index >= 0 && index < size_, "[dataset] sample ", index, " of ", size_);
  const size_t i = static_cast<size_t>(index);
  if (!cache_.empty()) {
    std::shared_ptr<const Sample> kept;
    {
      const std::lock_guard lock(cache_mutex_);
      kept = cache_[i];
    }
    if (kept) return *kept;  // copied outside the lock
  }
  Sample sample = read(index);
  check<DataError>(
      sample.image.height == sample.labels.height && sample.image.width == sample.labels.width,
      "[dataset] ", name(index), ": image is ", sample.image.width, "x", sample.image.height,
      ", labels are ", sample.labels.width, "x", sample.labels.height);
  if (resize_) {
    sample.image = resize_image(sample.image, resize_->height, resize_->width);
    sample.labels = resize_labels(sample.labels, resize_->height, resize_->width);
    if (!sample.target.pixels.empty())
      sample.target = resize_image(sample.target, resize_->height, resize_->width);
  }
  if (!cache_.empty()) {
    const std::lock_guard lock(cache_mutex_);
    // Another thread may have come first; what does not fit is decoded again each time.
    if (!cache_[i] && bytes_of(sample) <= cache_room_) {
      cache_[i] = std::make_shared<const Sample>(sample);
      cache_room_ -= bytes_of(sample);
    }
  }
  return sample;
}

std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options) {
  std::unique_ptr<Dataset> dataset;
  if (options.path == "streets" || options.format == "streets") {
    check<UsageError>(options.format == "auto" || options.format == "streets", "[dataset] format ",
                      options.format, " for the built-in streets, expected auto or streets");
    check<UsageError>(!options.resize,
                      "[dataset] resize is for folders; the built-in streets have a size option");
    dataset = readers::open_streets(options);
  } else {
    check<DataError>(fs::is_directory(options.path), "[dataset] ", options.path.string(),
                     ": no such folder");
    dataset = open_format(options.format == "auto" ? detect_format(options.path) : options.format,
                          options);
  }
  const char* for_pairs = options.prune_specks           ? "prune_specks"
                          : options.color_targets        ? "color_targets (target rgb)"
                          : !options.label_cache.empty() ? "label_cache"
                                                         : nullptr;
  check<UsageError>(!for_pairs || dataset->format() == "pairs", "[dataset] ",
                    for_pairs ? for_pairs : "", " is for format pairs, got ", dataset->format());
  if (options.resize) dataset->set_resize(*options.resize);
  dataset->set_cache(options.cache_bytes);
  return dataset;
}

}  // namespace pixelgrad

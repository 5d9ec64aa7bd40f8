#include "data/readers/pairs.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

#include "data/class_tables.h"
#include "data/file_io.h"
#include "data/image_io.h"
#include "data/readers/label_cache.h"
#include "data/readers/layout.h"
#include "data/readers/pair_labels.h"
#include "tensor/check.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pixelgrad::readers {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> folders_with_images(const fs::path& root) {
  std::vector<std::string> names;
  for (const std::string& name : subfolders(root))
    if (!image_files(root / name).empty()) names.push_back(name);
  return names;
}

bool is_usual_split(const std::string& name) {
  return name == "train" || name == "val" || name == "test";
}

/// Columns [first, first + width) of an RGB image.
Image columns(const Image& image, int64_t first, int64_t width) {
  Image part(image.height, width, 3);
  for (int64_t y = 0; y < image.height; ++y) {
    const uint8_t* from = image.at(y, first);
    std::copy(from, from + 3 * width, part.at(y, 0));
  }
  return part;
}

class PairsDataset : public Dataset {
 public:
  PairsDataset(fs::path root, std::vector<fs::path> files, std::vector<ClassInfo> classes,
               PairLabels labels, LabelCache cache, bool color_targets)
      : Dataset("pairs", static_cast<int64_t>(files.size()), std::move(classes)),
        root_(std::move(root)),
        files_(std::move(files)),
        labels_(std::move(labels)),
        cache_(std::move(cache)),
        rule_(labels_.fingerprint()),
        color_targets_(color_targets) {}

  std::string name(int64_t index) const override {
    return files_.at(static_cast<size_t>(index)).string();
  }

 protected:
  Sample read(int64_t index) const override {
    const std::string file = name(index);
    const std::vector<uint8_t> bytes = read_file(file, max_image_file_bytes);
    const Image both = decode_image(bytes, file);
    const int64_t half = both.width / 2;
    Image label = columns(both, half, half);
    Sample sample{columns(both, 0, half), labels_of(index, bytes, label), file, file};
    if (color_targets_) sample.target = std::move(label);
    return sample;
  }

 private:
  LabelMap labels_of(int64_t index, const std::vector<uint8_t>& file, const Image& label) const {
    if (!cache_.enabled()) return labels_(label);
    const std::string_view bytes(reinterpret_cast<const char*>(file.data()), file.size());
    const uint64_t key = mix(rule_, stream_of(bytes));
    const std::string kept_as = files_[static_cast<size_t>(index)].lexically_relative(root_);
    if (auto known = cache_.find(kept_as, key)) return std::move(*known);
    LabelMap labels = labels_(label);
    cache_.store(kept_as, key, labels);
    return labels;
  }

  fs::path root_;
  std::vector<fs::path> files_;
  PairLabels labels_;
  LabelCache cache_;
  uint64_t rule_;
  bool color_targets_;
};

/// The classes and colours of a folder that does not name its own.
std::pair<std::vector<ClassInfo>, ColorTable> cityscapes_palette(const DatasetOptions& options) {
  check<UsageError>(options.labels != "34",
                    "[dataset] labels \"34\" for format pairs, expected 19 or 30: the 34 ids have "
                    "only 29 colours (5 are black, pole = polegroup); they need gtFine, format "
                    "cityscapes");
  if (choose_labels(options, "pairs", {"19", "30"}) == "30")
    return {cityscapes30_classes(), cityscapes30_colors()};
  return {cityscapes19_classes(), cityscapes19_colors()};
}

}  // namespace

std::vector<std::string> pair_splits(const fs::path& root) {
  std::vector<std::string> splits = folders_with_images(root);
  if (std::any_of(splits.begin(), splits.end(), is_usual_split))
    std::erase_if(splits, [](const std::string& name) { return !is_usual_split(name); });
  return splits;
}

fs::path find_pairs_root(const fs::path& root) {
  fs::path found;
  for (const fs::path& candidate : {root, root / "cityscapes", root / "cityscapes_data",
                                    root / "cityscapes_data" / "cityscapes_data"}) {
    if (!fs::is_directory(candidate)) continue;
    const std::vector<std::string> splits = pair_splits(candidate);
    if (splits.empty()) continue;
    if (is_usual_split(splits[0])) return candidate;
    if (found.empty()) found = candidate;
  }
  return found;
}

std::unique_ptr<Dataset> open_pairs(const DatasetOptions& options) {
  const fs::path root = find_pairs_root(options.path);
  check<DataError>(!root.empty(), "[dataset] ", options.path.string(),
                   ": format pairs expects {split}/*.jpg or *.png, photo and label side by side");
  std::vector<fs::path> files;
  // A folder that is no usual split is still found by its name, but "all" leaves it out.
  const std::vector<std::string> splits =
      options.split == "all" ? pair_splits(root)
                             : chosen_splits(root, folders_with_images(root), options.split);
  for (const std::string& split : splits)
    for (fs::path& file : image_files(root / split)) files.push_back(std::move(file));
  parallel_for(static_cast<int64_t>(files.size()), [&](int64_t i) {
    const ImageSize size = image_size(files[static_cast<size_t>(i)]);
    check<DataError>(size.width % 2 == 0, "[dataset] ", files[static_cast<size_t>(i)].string(),
                     " is ", size.width, "x", size.height,
                     ", expected an even width: photo and label side by side");
  });

  std::vector<ClassInfo> classes = options.classes;
  for (const fs::path& folder : {root, options.path})
    if (classes.empty() && fs::exists(folder / "label_colors.txt"))
      classes = read_label_colors(folder / "label_colors.txt");
  ColorTable colors(classes);
  if (classes.empty())
    std::tie(classes, colors) = cityscapes_palette(options);
  else
    choose_labels(options, "pairs with a label_colors.txt", {});
  constexpr Rgb black = {0, 0, 0};
  if (!colors.exact(black)) colors.add(black, ignore_label);
  return std::make_unique<PairsDataset>(root, std::move(files), std::move(classes),
                                        PairLabels(std::move(colors), options.prune_specks),
                                        LabelCache(options.label_cache), options.color_targets);
}

}  // namespace pixelgrad::readers

#include "data/readers/pairs.h"

#include <algorithm>
#include <utility>

#include "data/class_tables.h"
#include "data/image_io.h"
#include "data/readers/layout.h"
#include "tensor/check.h"
#include "tensor/parallel.h"

namespace pixelgrad::readers {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> splits_with_images(const fs::path& root) {
  std::vector<std::string> splits;
  for (const std::string& name : subfolders(root))
    if (!image_files(root / name).empty()) splits.push_back(name);
  return splits;
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
  PairsDataset(std::vector<fs::path> files, std::vector<ClassInfo> classes, ColorTable colors)
      : Dataset("pairs", static_cast<int64_t>(files.size()), std::move(classes)),
        files_(std::move(files)),
        colors_(std::move(colors)) {}

  std::string name(int64_t index) const override {
    return files_.at(static_cast<size_t>(index)).string();
  }

 protected:
  Sample read(int64_t index) const override {
    const std::string file = name(index);
    const Image both = read_image(file);
    const int64_t half = both.width / 2;
    return {columns(both, 0, half), colors_.nearest(columns(both, half, half), pair_color_distance),
            file, file};
  }

 private:
  std::vector<fs::path> files_;
  ColorTable colors_;
};

}  // namespace

fs::path find_pairs_root(const fs::path& root) {
  for (const fs::path& candidate :
       {root, root / "cityscapes_data", root / "cityscapes_data" / "cityscapes_data"})
    if (fs::is_directory(candidate) && !splits_with_images(candidate).empty()) return candidate;
  return {};
}

std::unique_ptr<Dataset> open_pairs(const DatasetOptions& options) {
  const fs::path root = find_pairs_root(options.path);
  check<DataError>(!root.empty(), "[dataset] ", options.path.string(),
                   ": format pairs expects {split}/*.jpg or *.png, photo and label side by side");
  const std::vector<std::string> splits = splits_with_images(root);
  const bool all = options.split == "all";
  check<DataError>(all || std::find(splits.begin(), splits.end(), options.split) != splits.end(),
                   "[dataset] ", root.string(), " has no split \"", options.split, "\", found ",
                   list_of(splits));
  std::vector<fs::path> files;
  for (const std::string& split : all ? splits : std::vector{options.split})
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
  ColorTable colors = classes.empty() ? cityscapes19_colors() : ColorTable(classes);
  if (classes.empty()) classes = cityscapes19_classes();
  constexpr Rgb black = {0, 0, 0};
  if (!colors.exact(black)) colors.add(black, ignore_label);
  return std::make_unique<PairsDataset>(std::move(files), std::move(classes), std::move(colors));
}

}  // namespace pixelgrad::readers

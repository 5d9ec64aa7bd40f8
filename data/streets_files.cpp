// The street scenes as files, in the layouts of well-known data sets.
#include <array>
#include <cstdio>
#include <string>

#include "data/file_io.h"
#include "data/image_io.h"
#include "data/label_png.h"
#include "data/streets.h"
#include "tensor/check.h"
#include "tensor/parallel.h"

namespace pixelgrad {
namespace fs = std::filesystem;
namespace {

struct LayoutName {
  std::string_view name;
  StreetsLayout layout;
};
constexpr std::array<LayoutName, 5> layout_names = {{{"folder", StreetsLayout::folder},
                                                     {"pairs", StreetsLayout::pairs},
                                                     {"segnet", StreetsLayout::segnet},
                                                     {"label_colors", StreetsLayout::label_colors},
                                                     {"cityscapes", StreetsLayout::cityscapes}}};

/// The ids of Cityscapes' labelIds files by street class.
constexpr std::array<uint8_t, 11> cityscapes_ids = {23, 11, 17, 7, 8, 21, 20, 13, 26, 24, 25};

/// Six digits, so that files sort by number.
std::string number(int64_t i) {
  char text[24];
  std::snprintf(text, sizeof(text), "%06lld", static_cast<long long>(i));
  return text;
}

Image side_by_side(const Image& left, const Image& right) {
  Image pair(left.height, left.width + right.width, 3);
  for (int64_t y = 0; y < left.height; ++y) {
    std::copy_n(left.at(y, 0), 3 * left.width, pair.at(y, 0));
    std::copy_n(right.at(y, 0), 3 * right.width, pair.at(y, left.width));
  }
  return pair;
}

/// Writes scene `i` of a split.
void write_scene(const fs::path& root, const std::string& split, int64_t i,
                 const StreetScene& scene, std::span<const Rgb> colors, StreetsLayout layout) {
  constexpr int quality = 97;  // labels survive only where colours are not subsampled
  const fs::path folder = root / split;
  switch (layout) {
    case StreetsLayout::folder:
      write_png(folder / "images" / (number(i) + ".png"), scene.image);
      write_label_png(folder / "masks" / (number(i) + ".png"), scene.labels);
      return;
    case StreetsLayout::pairs:
      write_jpeg(folder / (std::to_string(i + 1) + ".jpg"),
                 side_by_side(scene.image, colorize(scene.labels, colors)), quality);
      return;
    case StreetsLayout::segnet:
      write_png(folder / (number(i) + ".png"), scene.image);
      write_label_png(root / (split + "annot") / (number(i) + ".png"), scene.labels);
      return;
    case StreetsLayout::label_colors:
      write_png(folder / (number(i) + ".png"), scene.image);
      write_png(folder / (number(i) + "_L.png"), colorize(scene.labels, colors));
      return;
    case StreetsLayout::cityscapes: {
      const fs::path city = fs::path(split) / "street";
      const std::string name = "street_" + number(i) + "_000000";
      LabelMap ids = scene.labels;
      for (uint8_t& id : ids.ids) id = id == ignore_label ? 0 : cityscapes_ids.at(id);
      write_png(root / "leftImg8bit" / city / (name + "_leftImg8bit.png"), scene.image);
      write_label_png(root / "gtFine" / city / (name + "_gtFine_labelIds.png"), ids);
      return;
    }
  }
}

void make_folders(const fs::path& root, const std::string& split, StreetsLayout layout) {
  if (layout == StreetsLayout::cityscapes) {
    for (const char* type : {"leftImg8bit", "gtFine"})
      fs::create_directories(root / type / split / "street");
    return;
  }
  fs::create_directories(root / split);
  if (layout == StreetsLayout::segnet) fs::create_directory(root / (split + "annot"));
  if (layout == StreetsLayout::folder) {
    fs::create_directory(root / split / "images");
    fs::create_directory(root / split / "masks");
  }
}

void write_classes(const fs::path& root, StreetsLayout layout) {
  if (layout == StreetsLayout::cityscapes) return;  // its classes are known
  const std::vector<ClassInfo> classes = street_classes();
  if (layout == StreetsLayout::pairs || layout == StreetsLayout::label_colors) {
    return write_label_colors(root / "label_colors.txt", classes);
  }
  std::string names;
  for (const ClassInfo& c : classes) names += c.name + "\n";
  write_file(root / "classes.txt", names);
}

}  // namespace

StreetsLayout streets_layout(std::string_view name) {
  std::string known;
  for (const LayoutName& entry : layout_names) {
    if (entry.name == name) return entry.layout;
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw UsageError(str("[streets] layout '", name, "', expected one of ", known));
}

void write_streets(const fs::path& folder, const StreetOptions& options, int64_t count_train,
                   int64_t count_val, StreetsLayout layout) {
  check<UsageError>(count_train >= 0 && count_val >= 0, "[streets] ", count_train, " and ",
                    count_val, " scenes, expected 0 or more");
  const std::vector<Rgb> colors = colors_of(street_classes());
  write_folder(folder, [&](const fs::path& root) {
    write_classes(root, layout);
    make_folders(root, "train", layout);
    make_folders(root, "val", layout);
    parallel_for(count_train + count_val, [&](int64_t i) {
      const bool train = i < count_train;
      write_scene(root, train ? "train" : "val", train ? i : i - count_train,
                  render_street(options, i), colors, layout);
    });
  });
}

}  // namespace pixelgrad

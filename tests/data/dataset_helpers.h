#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "data/class_tables.h"
#include "data/dataset.h"
#include "data/image_io.h"
#include "data/label_png.h"
#include "tensor/check.h"

// What the tests of the data set readers write and look at.
namespace pixelgrad {

namespace fs = std::filesystem;

inline Image photo(int64_t height, int64_t width, uint8_t red = 0) {
  Image image(height, width, 3);
  for (size_t i = 0; i < image.pixels.size(); i += 3) image.pixels[i] = red;
  return image;
}

inline LabelMap labels_of(int64_t height, int64_t width, std::vector<uint8_t> ids) {
  LabelMap labels(height, width);
  labels.ids = std::move(ids);
  return labels;
}

inline Image colors_of_pixels(int64_t height, int64_t width, const std::vector<Rgb>& colors) {
  Image image(height, width, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = colors[i / 3][i % 3];
  return image;
}

inline void make_folders(const fs::path& root, std::initializer_list<const char*> names) {
  for (const char* name : names) fs::create_directories(root / name);
}

/// {split}/images and masks with one 2x2 sample "a" whose ids are given.
inline void write_folder_split(const fs::path& root, const std::string& split,
                               std::vector<uint8_t> ids) {
  fs::create_directories(root / split / "images");
  fs::create_directories(root / split / "masks");
  write_png(root / split / "images" / "a.png", photo(2, 2));
  write_label_png(root / split / "masks" / "a.png", labels_of(2, 2, std::move(ids)));
}

inline std::vector<std::string> names_of(const std::vector<ClassInfo>& classes) {
  std::vector<std::string> names;
  for (const ClassInfo& c : classes) names.push_back(c.name);
  return names;
}

/// The message of the error that opening, or else loading all samples, throws.
inline std::string open_error(const DatasetOptions& options) {
  try {
    open_dataset(options);
  } catch (const Error& e) {
    return e.what();
  }
  return "opened";
}
inline std::string load_error(const DatasetOptions& options) {
  const auto data = open_dataset(options);
  try {
    for (int64_t i = 0; i < data->size(); ++i) data->load(i);
  } catch (const DataError& e) {
    return e.what();
  }
  return "loaded";
}

}  // namespace pixelgrad

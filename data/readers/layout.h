#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace pixelgrad::readers {

/// A photo and its mask on disk.
struct FilePair {
  std::filesystem::path image, mask;
};

struct Pairing {
  std::vector<FilePair> pairs;        ///< in natural order of the image names (2 before 10)
  std::vector<std::string> warnings;  ///< masks without an image
};

/// Where photos and masks lie below a root.
struct Layout {
  enum class Kind {
    folders,  ///< images/ (or image/) and masks/ (or mask/), matched by stem; X.png and X_mask.png
              ///< too
    beside,   ///< X.png and X_L.png in one folder
    annot,    ///< {split}/ and {split}annot/ (SegNet)
  } kind = Kind::folders;
  /// Names of the split folders; empty when the root itself holds the files.
  std::vector<std::string> splits = {};
};

/// The layout of kind `kind` below `root`, if it is there: in the root itself or else in its
/// immediate subfolders.
std::optional<Layout> find_layout(const std::filesystem::path& root, Layout::Kind kind);

/// The files of one split, or of "all". A layout without split folders is divided by the options'
/// split rule. Throws DataError on a split that is not there, an empty folder, an image without
/// mask, a mask that is no PNG, and on sizes that differ.
Pairing collect(const Layout& layout, const DatasetOptions& options);

/// PNG and JPEG files of a folder in natural order; hidden files are skipped.
std::vector<std::filesystem::path> image_files(const std::filesystem::path& folder);

/// Names of the immediate subfolders, sorted; hidden ones are skipped.
std::vector<std::string> subfolders(const std::filesystem::path& folder);

/// "train, val"
std::string list_of(const std::vector<std::string>& names);

}  // namespace pixelgrad::readers

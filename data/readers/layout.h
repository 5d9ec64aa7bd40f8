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
    folders,  ///< images/ (or image/) and masks/ (or mask/), matched by stem; X_mask.png and
              ///< X_L.png too. Also 701_StillsRaw_full/ and LabeledApproved_full/ (CamVid)
    beside,   ///< X.png and X_L.png in one folder
    annot,    ///< {split}/ and {split}annot/ (SegNet)
    labels,   ///< {split}/ and {split}_labels/, X.png and X_L.png (copies of CamVid)
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

/// options.labels, or the first of `known` when it is empty. Throws UsageError naming `format` on a
/// set that it does not know; `known` is empty where a format has only its own classes.
std::string choose_labels(const DatasetOptions& options, const std::string& format,
                          const std::vector<std::string>& known);

/// `split` alone, or all of `splits` for "all". Throws DataError naming `root` and what it has when
/// the split is not there.
std::vector<std::string> chosen_splits(const std::filesystem::path& root,
                                       const std::vector<std::string>& splits,
                                       const std::string& split);

/// Throws DataError unless every mask is as large as its image. Reads headers only.
void check_sizes(const std::vector<FilePair>& pairs);

/// Throws DataError unless `lonely`, the images that have no mask, is empty; `expected` names what
/// was looked for.
void check_none_lonely(const std::vector<std::string>& lonely, const std::string& expected);

/// PNG and JPEG files of a folder in natural order; hidden files are skipped.
std::vector<std::filesystem::path> image_files(const std::filesystem::path& folder);

/// Names of the immediate subfolders, sorted; hidden ones are skipped.
std::vector<std::string> subfolders(const std::filesystem::path& folder);

/// "train, val"
std::string list_of(const std::vector<std::string>& names);

}  // namespace pixelgrad::readers

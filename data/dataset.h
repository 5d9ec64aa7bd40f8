#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "data/image.h"
#include "data/image_io.h"
#include "data/palette.h"

namespace pixelgrad {

/// A photo and the class of each of its pixels; both have the same size.
struct Sample {
  Image image;                         ///< RGB
  LabelMap labels;                     ///< class ids, or ignore_label
  std::string image_file, label_file;  ///< "" where the sample is rendered
  Image target = {};  ///< RGB, the label as a picture; empty unless color_targets asks for it
};

/// One split of a data set: numbered samples and the list of their classes. Every id in a loaded
/// label map is a class id or ignore_label: bad labels never leave here.
class Dataset {
 public:
  virtual ~Dataset() = default;
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;

  int64_t size() const { return size_; }

  /// Sample `index`; any number of threads may call it. Throws DataError naming the file, and the
  /// pixel and value where one is at fault.
  Sample load(int64_t index) const;

  /// Names sample `index` in messages and reports: the file of the image.
  virtual std::string name(int64_t index) const = 0;

  /// The classes by id. Classes that are void by name (palette.h) keep their place in the list,
  /// so that ids are the lines of the class file, but no label holds them: they are ignore_label.
  /// (Of Cityscapes' 34 ids every one is held as it stands; those that are not scored are skipped
  /// by ConfusionMatrix.)
  const std::vector<ClassInfo>& classes() const { return classes_; }
  /// How the data lies on disk: "folder", "pairs", "label_colors", "segnet", "cityscapes" or
  /// "streets".
  const std::string& format() const { return format_; }
  /// What looked odd when the data set was opened, one line each; it was left out.
  const std::vector<std::string>& warnings() const { return warnings_; }

  /// Keeps decoded samples in memory up to about this many bytes; 0 (the default) keeps none.
  /// Not while another thread loads.
  void set_cache(int64_t bytes);

  /// Brings every sample to this size: image and target with resize_image, labels with
  /// resize_labels (resize.h). Not while another thread loads. Throws UsageError on an empty size.
  void set_resize(ImageSize size);

 protected:
  Dataset(std::string format, int64_t size, std::vector<ClassInfo> classes,
          std::vector<std::string> warnings = {});
  /// Decodes sample `index`, which is valid. Called from several threads at once.
  virtual Sample read(int64_t index) const = 0;

 private:
  std::string format_;
  int64_t size_;
  std::vector<ClassInfo> classes_;
  std::vector<std::string> warnings_;
  std::optional<ImageSize> resize_;

  mutable std::mutex cache_mutex_;
  mutable std::vector<std::shared_ptr<const Sample>> cache_;  // empty without a budget
  mutable int64_t cache_room_ = 0;
};

/// What open_dataset opens.
struct DatasetOptions {
  /// The root folder, or "streets" for the built-in renderer (data/streets.h).
  std::filesystem::path path = {};
  /// "train", "val", "test"; "all" where the folder has no splits of its own.
  std::string split = "train";
  /// "auto", or one of
  ///   folder        masks hold class ids: gray levels or palette indices
  ///   pairs         photo and colour label side by side in one file (Cityscapes image pairs)
  ///   label_colors  masks in the colours of label_colors.txt (CamVid, CamSeq01)
  ///   segnet        {split}/ and {split}annot/ with ids 0 to 10, 11 unlabelled (SegNet's CamVid)
  ///   cityscapes    leftImg8bit/{split}/{city} and gtFine/{split}/{city} (Cityscapes)
  ///   streets       the built-in renderer
  /// "camvid" means segnet or label_colors, whichever is there.
  std::string format = "auto";
  /// Replaces the classes that the folder names; where colours decide, their colours too.
  std::vector<ClassInfo> classes = {};
  /// Which classes to give to the labels, where a format knows several sets; "" is its first.
  ///   pairs       19: train ids; 30: static to bicycle, with poles in groups among the poles
  ///   label_colors  those of label_colors.txt, or CamVid's 32; 32: CamVid's; 11: SegNet's groups
  ///   cityscapes  19: train ids; 34: the ids of the files, of which the 19 are scored
  std::string labels = "";
  /// pairs: give a class to a photo only where its label shows at least .05 % of the pixels clearly
  /// in the class's colour; other pixels take the nearest of the remaining colours.
  bool prune_specks = false;
  /// pairs: also give the colour label as it stands (Sample::target), for networks that learn to
  /// paint it instead of naming classes.
  bool color_targets = false;
  /// pairs: a folder that keeps the ids of labels already converted; "" for none. An entry counts
  /// only for the same bytes of the file and the same options, so it never needs to be cleared.
  std::filesystem::path label_cache = {};
  /// How to divide a folder without splits, as parse_split_rule reads it.
  std::string split_rule = "tail:20%";
  /// The size that every sample of a folder is brought to; its own without one.
  std::optional<ImageSize> resize = {};
  /// Bytes of decoded samples to keep in memory; 0 keeps none.
  int64_t cache_bytes = int64_t{1} << 30;

  /// The built-in streets: the first `train` scenes are train, the next `val` are val, and as
  /// many again are test.
  struct Streets {
    int64_t train = 400, val = 100;
    int64_t height = 128, width = 160;
    uint64_t seed = 0;
  } streets = {};
};

/// Opens one split. Everything that file names, headers and sizes can tell is checked here, so that
/// it does not surface in the middle of an epoch: DataError on a missing or empty folder, an image
/// without mask, sizes that differ, or a layout that is not recognised, saying what was looked
/// for. UsageError on an unknown format or split.
std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options);

}  // namespace pixelgrad

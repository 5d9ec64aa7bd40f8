#include "apps/engine/data_flags.h"

namespace pixelgrad {
namespace {

const CLI::Range positive(int64_t{1}, int64_t{1} << 40);

}  // namespace

void bind_data_flags(CLI::App& cmd, TrainConfig& c) {
  cmd.add_option("--data", c.data, "A data set's folder, or streets (built in)")->group("Data");
  cmd.add_option("--format", c.format,
                 "How the folder is laid out: auto, folder, pairs, camvid, label_colors, segnet, "
                 "cityscapes")
      ->capture_default_str()
      ->group("Data");
  cmd.add_option(
         "--labels", c.labels,
         "Which classes, where several sets are usual: pairs 19 or 30, cityscapes 19 or 34, "
         "label_colors 32 or 11")
      ->group("Data");
  cmd.add_flag("--prune-specks", c.prune_specks,
               "pairs: drop colours that an image shows only at borders")
      ->group("Data");
  cmd.add_option("--label-cache", c.label_cache, "pairs: a folder for labels already converted")
      ->group("Data");
  cmd.add_option("--split-rule", c.split_rule,
                 "For a folder without train and val: tail:20% or random:20%")
      ->group("Data");
  cmd.add_option("--size", c.size, "streets: height and width of the scenes")
      ->expected(2)
      ->check(positive)
      ->group("Data");
  cmd.add_option("--count", c.count, "streets: training scenes")->check(positive)->group("Data");
  cmd.add_option("--resize", c.resize,
                 "Folders: height and width that photos and labels are brought to, in training and "
                 "validation")
      ->expected(2)
      ->check(positive)
      ->group("Data");
  cmd.add_option("--normalize", c.normalize, "Pixel scaling: per_image, dataset, imagenet, unit")
      ->check(CLI::IsMember({"per_image", "dataset", "imagenet", "unit"}))
      ->capture_default_str()
      ->group("Data");
}

void bind_augmentation_flags(CLI::App& cmd, TrainConfig& c) {
  cmd.add_option("--flip", c.flip, "Random mirroring: none, horizontal, both")
      ->check(CLI::IsMember({"none", "horizontal", "both"}))
      ->capture_default_str()
      ->group("Augmentation");
  cmd.add_option("--scale", c.scale, "Random scaling: lowest and highest factor")
      ->expected(2)
      ->check(CLI::PositiveNumber)
      ->group("Augmentation");
  cmd.add_option("--rotate", c.rotate, "Random rotation, degrees to either side")
      ->check(CLI::Range(0.0, 180.0))
      ->capture_default_str()
      ->group("Augmentation");
  cmd.add_option("--jitter", c.jitter,
                 "Random brightness, contrast and saturation, up to this fraction")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->group("Augmentation");
  cmd.add_option("--crop", c.crop, "Random crop: height and width (default: whole images)")
      ->expected(2)
      ->check(positive)
      ->group("Augmentation");
}

}  // namespace pixelgrad

#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "data/image.h"

namespace pixelgrad {

class Dataset;

/// How 8-bit images become network input: x = (pixel / 255 - mean) / std, a channel at a time.
/// Stored in the checkpoint, so that prediction does what training did.
struct Normalization {
  enum class Kind {
    fixed,      ///< mean and std are given, e.g. ImageNet's, which pretrained encoders expect
    dataset,    ///< mean and std were measured on the training split
    per_image,  ///< mean and std of each image itself, over all its pixels and channels
  };
  Kind kind = Kind::fixed;
  std::array<float, 3> mean = {0, 0, 0};  ///< of pixel / 255; unused by per_image
  std::array<float, 3> std = {1, 1, 1};
  /// Smallest divisor, so that an image or a channel of one colour is not blown up.
  float std_floor = 1e-3f;

  /// The statistics of ImageNet as torchvision uses them.
  static Normalization imagenet();
  /// pixel / 255.
  static Normalization unit();
  static Normalization per_image();

  /// Writes x as f32 into `out`, image.height rows of image.width * 3, `row_stride` floats apart.
  /// The image must have 3 channels.
  void apply(const Image& image, float* out, int64_t row_stride) const;

  /// As strings, exactly: keys kind, mean, std, std_floor.
  std::map<std::string, std::string> to_map() const;
  /// Throws CheckpointError naming the key that is missing or malformed. Other keys are ignored.
  static Normalization from_map(const std::map<std::string, std::string>& map);

  bool operator==(const Normalization&) const = default;
};

/// Measures mean and std of every channel over all pixels of the data set (kind dataset).
/// Throws what loading a sample throws.
Normalization measure_normalization(const Dataset& dataset);

/// "imagenet", "unit", "per_image", or "dataset" (measured on `train`). Throws UsageError.
Normalization make_normalization(std::string_view name, const Dataset& train);

}  // namespace pixelgrad

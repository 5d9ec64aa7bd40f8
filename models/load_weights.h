#pragma once
#include <string>
#include <vector>

#include "models/model.h"
#include "models/weight_file.h"

namespace pixelgrad {

/// What load_weights did. Shapes are in this library's layout.
struct LoadReport {
  struct Change {
    std::string name;
    Shape file, model;
  };

  std::vector<std::string> loaded;    ///< as they are
  std::vector<Change> adapted;        ///< loaded for another number of input channels
  std::vector<Change> other_classes;  ///< left at their initialisation: the file has other classes
  std::vector<std::string> missing;   ///< of the model, left at their initialisation
  std::vector<std::string> unexpected;  ///< of the file, not used; named as the file does
  std::string prefix;                   ///< put before the file's names: "backbone."

  /// Every tensor was loaded as it is, and none was left over. Counters of batch norms
  /// (num_batches_tracked) may be missing: files of PyTorch before 0.4.1 have none.
  bool exact() const;
  /// Some lines for people, each ended.
  std::string to_string() const;
};

/// Copies tensors of a file into a model, by name, in the model's layout and type.
///
/// What may differ:
///   - The number of classes: tensors whose first size is the model's number of classes, where the
///     file has another, stay at their initialisation.
///   - The number of input channels: of the convolution that reads images, one channel gets the sum
///     over the file's c channels, n get them in turn, scaled by c / n, so that activations keep
///     their size (as segmentation_models_pytorch does).
///   - The names may lack "backbone." or "encoder.", as those of a classifier for ImageNet do.
///   - Tensors of the model that the file has not, and the other way round.
/// The report says all of it. With `exact` nothing may differ.
///
/// Throws CheckpointError, before anything is copied, when a shape or type fits in no such way,
/// when no parameter at all is found, or when something differs in spite of `exact`; and when
/// values cannot be read, which may leave the model half loaded.
LoadReport load_weights(SegmentationModel& model, WeightFile& file, bool exact = false);

}  // namespace pixelgrad

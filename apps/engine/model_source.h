#pragma once
#include <CLI/CLI.hpp>
#include <string>

#include "apps/engine/checkpoint.h"
#include "data/dataset.h"

namespace pixelgrad {

/// Where a command gets its trained network from: --run FOLDER (the last checkpoint, or with
/// --best the best one) or --checkpoint FILE.
struct ModelSource {
  std::string run, checkpoint;
  bool best = false;

  void bind(CLI::App& command);
  /// Throws UsageError when neither is given, CheckpointError when the file cannot be read.
  Checkpoint read() const;
};

/// Opens a data set with the classes that the network was trained on. Empty arguments are those of
/// the training run. Throws DataError when the data set has other classes.
std::unique_ptr<Dataset> open_like_training(const Checkpoint& checkpoint, const std::string& data,
                                            const std::string& format, const std::string& split);

}  // namespace pixelgrad

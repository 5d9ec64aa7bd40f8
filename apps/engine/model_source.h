#pragma once
#include <CLI/CLI.hpp>
#include <string>

#include "apps/engine/checkpoint.h"
#include "data/dataset.h"

namespace pixelgrad {

/// Where a command gets its trained network from: --run FOLDER (the last checkpoint, or with
/// --best the best one), --checkpoint FILE, or --weights FILE with a description of the network.
struct ModelSource {
  std::string run, checkpoint;
  bool best = false;

  // With weights of another program, what a checkpoint would say.
  std::string weights, model, normalize = "imagenet";
  std::vector<std::string> model_options;  ///< name=value
  int64_t classes = 0;

  void bind(CLI::App& command);
  /// The files alone: --run, --best, --checkpoint and --weights, which is returned.
  CLI::Option* bind_files(CLI::App& command);
  /// Throws UsageError when none is given, CheckpointError when the file cannot be read, or holds
  /// weights that do not fit the network exactly.
  Checkpoint read() const;

 private:
  Checkpoint read_weights() const;
};

/// Opens a data set with the classes that the network was trained on. Empty arguments are those of
/// the training run. Throws DataError when the data set has other classes; where the network's have
/// no names (default_classes), another number of them.
std::unique_ptr<Dataset> open_like_training(const Checkpoint& checkpoint, const std::string& data,
                                            const std::string& format, const std::string& labels,
                                            const std::string& split);

}  // namespace pixelgrad

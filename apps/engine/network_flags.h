#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "data/image_io.h"
#include "models/model.h"

namespace pixelgrad {

/// A network by its name, and the size of its images, for commands that need no training run.
struct NetworkFlags {
  std::string name, input = "512x512";
  int64_t in_channels = 3, classes = 2;
  std::vector<std::string> options;  ///< name=value

  void bind(CLI::App& command);
  /// Throws UsageError for an option that is not NAME=VALUE.
  ModelConfig model() const;
  /// Of --input. Throws UsageError unless that is HEIGHTxWIDTH, each 1 to 32768.
  ImageSize size() const;
};

}  // namespace pixelgrad

#pragma once
#include <CLI/CLI.hpp>

#include "apps/engine/config.h"

// The flags of what a network is shown. Each is named after its field in TrainConfig, with dashes.
namespace pixelgrad {

/// Which data set, in which layout, with which classes, at which size, and how pixels are scaled.
void bind_data_flags(CLI::App& command, TrainConfig& config);

/// What is done to training samples at random.
void bind_augmentation_flags(CLI::App& command, TrainConfig& config);

}  // namespace pixelgrad

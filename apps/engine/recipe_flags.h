#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "apps/engine/config.h"

namespace pixelgrad {

/// The flags that say what is trained, how, and what is drawn meanwhile: those that `train` and
/// `compare` have in common.
struct RecipeFlags {
  TrainConfig config;
  std::vector<std::string> model_option_texts = {};  ///< name=value
  bool exact_weights = false;
  int64_t save_every = 0, panels = 4;
  int workers = 1;
  bool cuda_graph = true;
  const CLI::Option* loss_flag = nullptr;  ///< what is not given depends on the target

  void bind(CLI::App& command);
  /// The config that was asked for, once the command line is parsed.
  TrainConfig recipe(const std::string& conv_algo, const std::string& precision) const;
};

/// The flag of a field of TrainConfig, or of a network's option: "output_stride" is
/// --output-stride.
std::string flag_of(std::string field);

}  // namespace pixelgrad

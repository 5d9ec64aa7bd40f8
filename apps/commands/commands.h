#pragma once
#include <CLI/CLI.hpp>
#include <string>

#include "tensor/device.h"

namespace pixelgrad {

/// Flags that every command has.
struct CommonFlags {
  bool quiet = false;
  bool json = false;
  int threads = 0;  ///< 0: as many as there are processors
  std::string conv_algo = "auto", precision = "f32";
  Device device = Device::cpu;  ///< of networks: train, compare, evaluate, predict, gradcheck
};

/// Each adds one subcommand, whose callback does the work and throws on failure.
void add_train_command(CLI::App& app, const CommonFlags& common);
void add_compare_command(CLI::App& app, const CommonFlags& common);
void add_evaluate_command(CLI::App& app, const CommonFlags& common);
void add_predict_command(CLI::App& app, const CommonFlags& common);
void add_data_command(CLI::App& app, const CommonFlags& common);
void add_summary_command(CLI::App& app, const CommonFlags& common);
void add_receptive_field_command(CLI::App& app, const CommonFlags& common);
void add_classify_command(CLI::App& app, const CommonFlags& common);
void add_weights_command(CLI::App& app, const CommonFlags& common);
void add_gradcheck_command(CLI::App& app, const CommonFlags& common);
void add_doctor_command(CLI::App& app, const CommonFlags& common);

/// Thrown by a command whose check failed after it reported on its own: exit code 3.
struct CheckFailed {};

}  // namespace pixelgrad

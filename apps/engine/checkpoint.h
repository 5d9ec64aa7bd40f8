#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "apps/engine/config.h"
#include "apps/engine/history.h"
#include "data/normalize.h"
#include "data/palette.h"
#include "models/model.h"
#include "optim/optimizer.h"

namespace pixelgrad {

/// Where a run stands: after `batch` steps of epoch `epoch` (0 for the first). With the tensors of
/// model and optimizer this is all that the rest of the run depends on, for every random number is
/// a function of the seed and these integers. Nothing in it depends on the clock, so that the files
/// of a repeated run are equal byte for byte.
struct RunState {
  int64_t epoch = 0;
  int64_t batch = 0;
  int64_t step = 0;

  // Of the epoch under way, for its row of metrics.
  double loss_sum = 0;

  double best_miou = -1;
  int64_t best_epoch = 0;  ///< 0 before the first validation
  std::vector<EpochMetrics> history;
};

/// What a trained network needs to be used: enough to rebuild it and to prepare images as in
/// training.
struct ModelCard {
  ModelConfig model;
  std::vector<ClassInfo> classes;
  Normalization normalization;
  bool paints = false;  ///< the label as a picture, in place of class scores (painting.h)
};

/// Names of the files in a run folder.
inline constexpr const char* last_checkpoint = "last.safetensors";
inline constexpr const char* best_checkpoint = "best.safetensors";

/// Writes model, optimizer and state as one safetensors file, whole or not at all: the file of
/// before stays until the new one is on the disk.
void save_checkpoint(const std::filesystem::path& path, const TrainConfig& config,
                     const ModelCard& info, const RunState& state, const SegmentationModel& model,
                     const Optimizer& optimizer);

/// A checkpoint as read: everything but the tensors is decoded.
struct Checkpoint {
  TrainConfig config;
  ModelCard info;
  RunState state;
  std::vector<NamedTensor> model, optimizer;
};

/// Throws CheckpointError that names the file when it cannot be read, is damaged, or is not a
/// checkpoint of this program.
Checkpoint read_checkpoint(const std::filesystem::path& path);

/// The checkpoint's network with its weights, in evaluation mode.
std::unique_ptr<SegmentationModel> restore_model(const Checkpoint& checkpoint);

/// Copies values into the tensors of `state` by name. Throws CheckpointError, and copies nothing,
/// when a name is missing or unknown, or a shape or dtype differs.
void load_state(const std::vector<NamedTensor>& state, const std::vector<NamedTensor>& values);

}  // namespace pixelgrad

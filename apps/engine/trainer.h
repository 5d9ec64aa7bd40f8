#pragma once
#include <filesystem>
#include <optional>

#include "apps/engine/checkpoint.h"
#include "apps/engine/progress.h"

namespace pixelgrad {

/// What a training run is asked to do beside its recipe; none of it but the device changes a bit of
/// the result.
struct TrainRequest {
  TrainConfig config;
  std::filesystem::path out;    ///< the run folder
  bool resume = false;          ///< go on from the folder's last checkpoint, where there is one
  bool overwrite = false;       ///< replace a run that is there
  bool exact_weights = false;   ///< refuse weights that do not fit the model exactly
  int64_t save_every = 0;       ///< steps between checkpoints within an epoch; 0: epoch ends only
  int64_t panel_images = 4;     ///< validation images drawn after each epoch
  int workers = 1;              ///< loader threads
  Device device = Device::cpu;  ///< of the network; results of two devices differ by rounding
  bool cuda_graph = true;       ///< CUDA is asked for a step as a whole; see StepGraph
  int64_t stop_after = 0;       ///< save and leave after this many steps of this call; 0: never
  Verbosity verbosity;
};

struct TrainResult {
  RunState state;
  std::vector<EpochTiming> timings;  ///< one an epoch
  ModelCard info;
  std::filesystem::path out;
  bool finished = false;  ///< all epochs are done
};

/// Trains, and writes into the run folder: config.json, metrics.csv and metrics.jsonl, the last and
/// the best checkpoint, panels/epoch_NNN.png and report.html. An epoch without validation
/// adds its row of metrics and a checkpoint alone. A signal (see SignalScope) makes it
/// save after the step under way and throw Interrupted. A run that was killed and resumed ends with
/// the same bits as one that was not. Throws NonFiniteError naming op, step and files when the loss
/// or a gradient is not finite; the last checkpoint stays as it was. On a GPU that is noticed up to
/// four steps later, in which the network does not change.
TrainResult train(const TrainRequest& request);

/// The config stored in a run folder's last checkpoint, if there is one.
std::optional<TrainConfig> stored_config(const std::filesystem::path& run);

}  // namespace pixelgrad

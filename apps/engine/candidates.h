#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "apps/engine/config.h"

namespace pixelgrad {

/// One of several runs that are compared.
struct Candidate {
  std::string name;  ///< of its run folder
  TrainConfig config;
};

/// What is to be compared, in the words of the command line. All of it has the common recipe, but
/// for the settings that a run or the grid gives. A setting is a field of TrainConfig that does not
/// choose the data (lr=1e-3, crop=256x256, nesterov=true) or an option of the run's network
/// (width=16).
struct CandidateRequest {
  TrainConfig common;
  std::vector<std::string> models = {};  ///< names; without any, and without runs: that of common
  /// "wide: model=unet width=32 lr=1e-3": a name, which may be left out, and settings.
  std::vector<std::string> runs = {};
  /// "lr=1e-3,1e-2": a setting and its values, separated by ";" where there is one, else by ",".
  /// Several make their product, the last one moving fastest. With `random` a value may be a range
  /// as well, "lr=1e-4..1e-2", drawn so that its logarithm is uniform; from ends that are whole
  /// numbers, whole numbers are drawn.
  std::vector<std::string> grid = {};
  int64_t random = 0;  ///< so many points of the grid, drawn by common.seed; 0: all of them
};

/// Every model and run, at every point of the grid, or at the same random ones. Names are made of
/// the model, or the run's name, and the settings: unet_lr=1e-3. Options of networks in the common
/// recipe are left out for networks that do not have them. Throws UsageError naming a key, value,
/// name or option that is not valid, or that no network has.
std::vector<Candidate> make_candidates(const CandidateRequest& request);

}  // namespace pixelgrad

#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "apps/engine/candidates.h"
#include "apps/engine/history.h"
#include "data/dataset.h"
#include "data/palette.h"

namespace pixelgrad {

enum class RunStatus { waiting, finished, failed };
const char* name_of(RunStatus status);

/// A candidate and what became of it.
struct ComparedRun {
  Candidate candidate;
  RunStatus status = RunStatus::waiting;
  std::string error = {};  ///< why it failed
  int64_t parameters = 0;
  std::vector<EpochMetrics> history = {};
  std::vector<EpochTiming> timings = {};
  double best_miou = -1;
  int64_t best_epoch = 0;

  /// The scores of the last epoch: all runs are compared by these. Null unless it is finished.
  const EpochMetrics* scores() const;
  double images_per_second() const;  ///< of training, over all epochs; NaN without any
  double seconds() const;            ///< of training and validation
  double peak_memory_mib() const;    ///< of training
};

/// Runs on one data set. Each has a run folder in `folder`, called after the run.
struct Comparison {
  std::filesystem::path folder;
  std::string data;
  std::vector<ClassInfo> classes;
  std::vector<ComparedRun> runs;
};

/// Name of the file with the results, from which a comparison is taken up again.
inline constexpr const char* comparison_file = "compare.json";

/// Builds all that training needs but the weights' values, so that what cannot be trained is found
/// before hours go into other runs; returns the network's number of parameters. Throws the error
/// that training would, with the candidate's name before it.
int64_t check_candidate(const Candidate& candidate, const Dataset& train, bool exact_weights);

/// Takes history and status from the candidate's run folder, if it was begun. Throws UsageError
/// when the folder holds a run with another recipe.
void read_run(const std::filesystem::path& folder, ComparedRun& run);

/// Finished runs by falling mIoU, then failed ones, then those that wait.
void sort_by_score(std::vector<ComparedRun>& runs);

/// All results and every run's config, as JSON; a score that there is not is null.
std::string to_json(const Comparison& comparison);

/// The candidates of the comparison in a folder; none where there is no comparison. Throws
/// CheckpointError when the file is damaged.
std::vector<Candidate> stored_candidates(const std::filesystem::path& folder);

/// One picture: for `count` validation images a row of photo, truth and the prediction of each of
/// the `finished` runs' last checkpoints, in this order, scaled down to at most 320 pixels of
/// width.
void write_comparison_picture(const std::filesystem::path& path,
                              const std::filesystem::path& folder,
                              const std::vector<const ComparedRun*>& finished,
                              const Dataset& validation, int64_t count);

}  // namespace pixelgrad

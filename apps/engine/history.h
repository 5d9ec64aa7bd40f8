#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace pixelgrad {

/// What one epoch gave. Scores are fractions in [0, 1]; iou has one entry a class, NaN where the
/// class is absent from truth and prediction. All scores are NaN after an epoch without validation.
struct EpochMetrics {
  int64_t epoch = 0;      ///< 1 for the first
  int64_t step = 0;       ///< optimizer steps since the start of the run
  double lr = 0;          ///< of the epoch's last step
  double train_loss = 0;  ///< mean over the epoch's steps
  double val_loss = 0;    ///< mean over the validation images
  double miou = 0;
  double pixel_accuracy = 0;
  std::optional<double> psnr = {};  ///< dB, where the network paints (painting.h)
  std::vector<double> iou;
};

/// What an epoch took: kept apart from its metrics, for it is the one thing that differs when a run
/// is repeated.
struct EpochTiming {
  double train_seconds = 0;  ///< training steps, loading included
  double val_seconds = 0;
  double images_per_second = 0;  ///< of training
  double peak_memory_mib = 0;    ///< most that tensors held in training, of the whole program
};

/// One JSON object on one line; NaN is null.
std::string to_json(const EpochMetrics& metrics, const EpochTiming& timing,
                    const std::vector<std::string>& classes);

/// Whole histories as JSON, and back; bits of all numbers survive.
std::string history_to_json(const std::vector<EpochMetrics>& history);
std::vector<EpochMetrics> history_from_json(const std::string& text);

/// `text` as a field of a CSV file.
std::string csv_quoted(const std::string& text);

/// Writes metrics.csv and metrics.jsonl of a run folder anew from the history: a run that was
/// killed and resumed has the same rows as one that was not, times aside.
void write_metrics(const std::filesystem::path& run, const std::vector<EpochMetrics>& history,
                   const std::vector<EpochTiming>& timings,
                   const std::vector<std::string>& classes);

/// The timings of the first `epochs` epochs in a run folder's metrics.jsonl, 0 where there is none.
std::vector<EpochTiming> read_timings(const std::filesystem::path& run, size_t epochs);

}  // namespace pixelgrad

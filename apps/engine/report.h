#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "apps/engine/checkpoint.h"
#include "data/confusion.h"

namespace pixelgrad {

/// One line of a chart; it goes on past NaN values.
struct ChartSeries {
  std::string name;
  std::string color;           ///< as CSS takes it
  std::vector<double> values;  ///< one an epoch
};

/// A line chart over epochs 1, 2, ... as an SVG element.
std::string svg_chart(const std::string& title, const std::vector<ChartSeries>& series);

/// Writes report.html into the run folder: the recipe, curves of loss and scores, IoU per class,
/// the confusion matrix of the last epoch and its panels. One file that needs nothing else.
void write_report(const std::filesystem::path& run, const TrainConfig& config,
                  const ModelCard& info, const RunState& state, const EpochTiming& timing,
                  const ConfusionMatrix& confusion, const std::filesystem::path& panels);

}  // namespace pixelgrad

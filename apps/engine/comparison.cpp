#include "apps/engine/comparison.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/engine/checkpoint.h"
#include "apps/engine/panels.h"
#include "apps/engine/precision.h"
#include "apps/engine/recipe.h"
#include "data/file_io.h"
#include "data/image_io.h"
#include "data/label_png.h"
#include "data/resize.h"
#include "models/load_weights.h"
#include "models/registry.h"
#include "tensor/dry_run.h"

namespace pixelgrad {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

Json number(double v) { return std::isfinite(v) ? Json(v) : Json(nullptr); }

/// What two runs of one name must have in common; it changes no bit of the results to differ in the
/// rest.
nlohmann::json essence(TrainConfig config) {
  config.checkpoint_activations = false;
  config.label_cache = "";
  return nlohmann::json::parse(to_json(config));
}

Json run_json(const Comparison& comparison, const ComparedRun& run) {
  const EpochMetrics* scores = run.scores();
  const bool begun = !run.history.empty();
  const double none = std::numeric_limits<double>::quiet_NaN();
  Json iou = Json::object();
  for (size_t c = 0; c < comparison.classes.size(); ++c)
    iou[comparison.classes[c].name] = number(scores ? scores->iou.at(c) : none);
  return {{"name", run.candidate.name},
          {"status", name_of(run.status)},
          {"error", run.error.empty() ? Json(nullptr) : Json(run.error)},
          {"miou", number(scores ? scores->miou : none)},
          {"pixel_accuracy", number(scores ? scores->pixel_accuracy : none)},
          {"iou", iou},
          {"best_miou", number(run.best_epoch > 0 ? run.best_miou : none)},
          {"best_epoch", run.best_epoch > 0 ? Json(run.best_epoch) : Json(nullptr)},
          {"images_per_second", number(run.images_per_second())},
          {"parameters", run.parameters},
          {"peak_memory_mib", number(begun ? run.peak_memory_mib() : none)},
          {"epochs", run.history.size()},
          {"seconds", number(begun ? run.seconds() : none)},
          {"config", Json::parse(to_json(run.candidate.config))}};
}

}  // namespace

const char* name_of(RunStatus status) {
  switch (status) {
    case RunStatus::finished:
      return "finished";
    case RunStatus::failed:
      return "failed";
    default:
      return "waiting";
  }
}

const EpochMetrics* ComparedRun::scores() const {
  return status == RunStatus::finished ? &history.back() : nullptr;
}

double ComparedRun::images_per_second() const {
  double images = 0, seconds = 0;
  for (const EpochTiming& t : timings) {
    images += t.images_per_second * t.train_seconds;
    seconds += t.train_seconds;
  }
  return images / seconds;
}

double ComparedRun::seconds() const {
  double out = 0;
  for (const EpochTiming& t : timings) out += t.train_seconds + t.val_seconds;
  return out;
}

double ComparedRun::peak_memory_mib() const {
  double out = 0;
  for (const EpochTiming& t : timings) out = std::max(out, t.peak_memory_mib);
  return out;
}

int64_t check_candidate(const Candidate& candidate, const Dataset& train, bool exact_weights) {
  const TrainConfig& c = candidate.config;
  const auto named = [&](const std::exception& e) { return candidate.name + ": " + e.what(); };
  try {
    const ModelConfig network{.name = c.model,
                              .in_channels = 3,
                              .classes = static_cast<int64_t>(train.classes().size()),
                              .options = c.model_options};
    if (!c.weights.empty())
      load_weights(*make_model(network), *open_weights(c.weights), exact_weights);
    const Loader loader(train, loader_options(c, Normalization::unit(), 1));
    make_schedule(c, c.epochs * loader.batches_per_epoch());
    parse_loss(c.loss);
    const DryRun no_first_values;
    const auto model = make_model(network);
    make_optimizer(c, model->parameters());
    return model->parameter_count();
  } catch (const UsageError& e) {
    throw UsageError(named(e));
  } catch (const CheckpointError& e) {
    throw CheckpointError(named(e));
  }
}

void read_run(const fs::path& folder, ComparedRun& run) {
  const fs::path last = folder / run.candidate.name / last_checkpoint;
  if (!fs::exists(last)) return;
  const Checkpoint checkpoint = read_checkpoint(last);
  const auto asked = essence(run.candidate.config), kept = essence(checkpoint.config);
  for (const auto& [field, value] : asked.items())
    check<UsageError>(value == kept[field], "[compare] ", last.parent_path().string(),
                      " holds a run with ", field, " ", kept[field].dump(), ", this one has ",
                      value.dump());
  run.history = checkpoint.state.history;
  run.timings = read_timings(last.parent_path(), run.history.size());
  run.best_miou = checkpoint.state.best_miou;
  run.best_epoch = checkpoint.state.best_epoch;
  if (checkpoint.state.epoch == checkpoint.config.epochs) run.status = RunStatus::finished;
}

void sort_by_score(std::vector<ComparedRun>& runs) {
  const auto key = [](const ComparedRun& run) {
    if (run.status == RunStatus::waiting) return -2.0;
    if (run.status == RunStatus::failed) return -1.0;
    return std::isfinite(run.scores()->miou) ? run.scores()->miou : -0.5;
  };
  std::stable_sort(runs.begin(), runs.end(),
                   [&](const ComparedRun& a, const ComparedRun& b) { return key(a) > key(b); });
}

std::string to_json(const Comparison& comparison) {
  Json classes = Json::array(), runs = Json::array();
  for (const ClassInfo& c : comparison.classes) classes.push_back(c.name);
  for (const ComparedRun& run : comparison.runs) runs.push_back(run_json(comparison, run));
  const Json out{{"folder", comparison.folder.string()},
                 {"data", comparison.data},
                 {"scored_checkpoint", "last epoch"},
                 {"classes", classes},
                 {"runs", runs}};
  return out.dump(2) + "\n";
}

std::vector<Candidate> stored_candidates(const fs::path& folder) {
  std::vector<Candidate> out;
  const fs::path path = folder / comparison_file;
  std::ifstream file(path);
  if (!file.is_open()) return out;
  try {
    const auto stored = nlohmann::json::parse(file);
    for (const auto& run : stored.at("runs"))
      out.push_back({run.at("name"), train_config_from_json(run.at("config").dump())});
  } catch (const nlohmann::json::exception& e) {
    throw CheckpointError(str(path.string(), ": damaged: ", e.what()));
  }
  return out;
}

void write_comparison_picture(const fs::path& path, const fs::path& folder,
                              const std::vector<const ComparedRun*>& finished,
                              const Dataset& validation, int64_t count) {
  constexpr int64_t widest = 320;
  const std::vector<Sample> samples = spread_samples(validation, count);
  std::vector<std::vector<Image>> rows(samples.size());
  const auto scaled = [&](const Image& photo) {
    const int64_t width = std::min(photo.width, widest);
    return std::pair{std::max<int64_t>(1, photo.height * width / photo.width), width};
  };
  const auto add_labels = [&](size_t row, const LabelMap& labels,
                              const std::vector<ClassInfo>& classes) {
    const auto [height, width] = scaled(samples[row].image);
    rows[row].push_back(colorize(resize_labels(labels, height, width), colors_of(classes)));
  };
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto [height, width] = scaled(samples[i].image);
    rows[i].push_back(resize_image(samples[i].image, height, width));
    add_labels(i, samples[i].labels, validation.classes());
  }
  for (const ComparedRun* run : finished) {
    const Checkpoint checkpoint = read_checkpoint(folder / run->candidate.name / last_checkpoint);
    choose_conv_algorithm(checkpoint.config);
    choose_precision("f32", Device::cpu);
    const auto model = restore_model(checkpoint);
    for (size_t i = 0; i < samples.size(); ++i)
      add_labels(i, predict_labels(*model, checkpoint.info.normalization, samples[i].image),
                 checkpoint.info.classes);
  }
  write_png(path, picture_grid(rows));
}

}  // namespace pixelgrad

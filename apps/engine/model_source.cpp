#include "apps/engine/model_source.h"

#include <filesystem>

#include "apps/engine/recipe.h"
#include "models/load_weights.h"
#include "models/registry.h"

namespace pixelgrad {
namespace fs = std::filesystem;

CLI::Option* ModelSource::bind_files(CLI::App& command) {
  auto* folder = command.add_option("--run", run, "A run folder: takes its last checkpoint");
  auto* best_flag = command.add_flag(
      "--best", best, "Of the run folder, the checkpoint with the best validation mIoU");
  command.add_option("--checkpoint", checkpoint, "A checkpoint file")
      ->excludes(folder)
      ->excludes(best_flag);
  return command
      .add_option("--weights", weights,
                  "A file of weights that no run here made: safetensors, .pth, .pt")
      ->excludes(folder)
      ->excludes(best_flag)
      ->excludes("--checkpoint");
}

void ModelSource::bind(CLI::App& command) {
  auto* file = bind_files(command);
  command.add_option("--model", model, "With --weights: the network")->needs(file);
  command.add_option("--model-option", model_options, "With --weights: its options, as NAME=VALUE")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->needs(file);
  command.add_option("--classes", classes, "With --weights: number of classes")
      ->check(CLI::Range(1, 255))
      ->needs(file);
  command.add_option("--normalize", normalize, "With --weights: imagenet, unit or per_image")
      ->check(CLI::IsMember({"imagenet", "unit", "per_image"}))
      ->capture_default_str()
      ->needs(file);
}

Checkpoint ModelSource::read() const {
  if (!checkpoint.empty()) return read_checkpoint(checkpoint);
  if (!weights.empty()) return read_weights();
  check<UsageError>(!run.empty(),
                    "[model] --run FOLDER, --checkpoint FILE or --weights FILE is missing");
  const fs::path path = fs::path(run) / (best ? best_checkpoint : last_checkpoint);
  check<CheckpointError>(
      fs::exists(path), path.string(), ": no such checkpoint; ", run,
      fs::is_directory(run) ? " is not the folder of a training run" : " does not exist");
  return read_checkpoint(path);
}

Checkpoint ModelSource::read_weights() const {
  check<UsageError>(!model.empty() && classes > 0,
                    "[model] --weights FILE needs --model NAME and --classes N");
  Checkpoint out;
  out.info.model = {.name = model,
                    .in_channels = 3,
                    .classes = classes,
                    .options = parse_model_options(model_options)};
  out.info.classes = default_classes(classes);
  out.info.normalization = normalize == "unit"        ? Normalization::unit()
                           : normalize == "per_image" ? Normalization::per_image()
                                                      : Normalization::imagenet();
  const auto network = make_model(out.info.model);
  load_weights(*network, *open_weights(weights), true);
  out.model = network->state();
  return out;
}

std::unique_ptr<Dataset> open_like_training(const Checkpoint& checkpoint, const std::string& data,
                                            const std::string& format, const std::string& labels,
                                            const std::string& split) {
  TrainConfig config = checkpoint.config;
  check<UsageError>(!data.empty() || !config.data.empty(), "[model] --data is missing");
  if (!data.empty() && data != config.data) {
    config.data = data;
    config.format = "auto";
    config.labels = "";
    config.prune_specks = false;
    config.label_cache = "";
    config.split_rule = "";
    config.size.clear();  // of streets
    config.count = 0;
    if (data == "streets") config.resize.clear();
  }
  if (!format.empty()) config.format = format;
  if (!labels.empty()) config.labels = labels;
  auto dataset = open_dataset(dataset_options(config, split));
  const auto& have = dataset->classes();
  const auto& want = checkpoint.info.classes;
  const auto same_names = [](const auto& a, const auto& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const auto& x, const auto& y) { return x.name == y.name; });
  };
  const bool unnamed = same_names(want, default_classes(static_cast<int64_t>(want.size())));
  if (same_names(have, want) || (unnamed && have.size() == want.size())) return dataset;
  const auto names = [](const std::vector<ClassInfo>& classes) {
    std::string out;
    for (const ClassInfo& c : classes) out += (out.empty() ? "" : ", ") + c.name;
    return out;
  };
  throw DataError(
      str(config.data, ": classes ", names(have), "; the network was trained on ", names(want)));
}

}  // namespace pixelgrad

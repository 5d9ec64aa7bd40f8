#include "apps/engine/model_source.h"

#include <filesystem>

#include "apps/engine/recipe.h"

namespace pixelgrad {
namespace fs = std::filesystem;

void ModelSource::bind(CLI::App& command) {
  auto* folder = command.add_option("--run", run, "A run folder: takes its last checkpoint");
  auto* best_flag = command.add_flag(
      "--best", best, "Of the run folder, the checkpoint with the best validation mIoU");
  command.add_option("--checkpoint", checkpoint, "A checkpoint file")
      ->excludes(folder)
      ->excludes(best_flag);
}

Checkpoint ModelSource::read() const {
  if (!checkpoint.empty()) return read_checkpoint(checkpoint);
  check<UsageError>(!run.empty(), "[model] --run FOLDER or --checkpoint FILE is missing");
  const fs::path path = fs::path(run) / (best ? best_checkpoint : last_checkpoint);
  check<CheckpointError>(
      fs::exists(path), path.string(), ": no such checkpoint; ", run,
      fs::is_directory(run) ? " is not the folder of a training run" : " does not exist");
  return read_checkpoint(path);
}

std::unique_ptr<Dataset> open_like_training(const Checkpoint& checkpoint, const std::string& data,
                                            const std::string& format, const std::string& split) {
  TrainConfig config = checkpoint.config;
  if (!data.empty() && data != config.data) {
    config.data = data;
    config.format = "auto";
    config.split_rule = "";
    config.size.clear();  // of streets
    config.count = 0;
  }
  if (!format.empty()) config.format = format;
  auto dataset = open_dataset(dataset_options(config, split));
  const auto& have = dataset->classes();
  const auto& want = checkpoint.info.classes;
  const bool same = have.size() == want.size() &&
                    std::equal(have.begin(), have.end(), want.begin(),
                               [](const auto& a, const auto& b) { return a.name == b.name; });
  if (same) return dataset;
  const auto names = [](const std::vector<ClassInfo>& classes) {
    std::string out;
    for (const ClassInfo& c : classes) out += (out.empty() ? "" : ", ") + c.name;
    return out;
  };
  throw DataError(
      str(config.data, ": classes ", names(have), "; the network was trained on ", names(want)));
}

}  // namespace pixelgrad

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/commands/commands.h"
#include "apps/engine/recipe.h"
#include "apps/engine/trainer.h"
#include "models/registry.h"
#include "optim/schedule.h"

namespace pixelgrad {
namespace {

struct TrainFlags {
  TrainConfig config;
  std::vector<std::string> model_options;  // name=value
  std::string out;
  bool resume = false, overwrite = false, exact_weights = false;
  int64_t save_every = 0, panels = 4, stop_after = 0;
  int workers = 1;
};

/// What the help says of each option that a network may have, by name: what it means, and in
/// brackets whose it is, with which default.
std::map<std::string, std::string> model_options() {
  struct Meaning {
    std::string help, owners;
  };
  std::map<std::string, std::vector<Meaning>> meanings;
  std::set<std::string> families;
  for (const ModelInfo& model : list_models()) {
    if (!families.insert(model.family).second) continue;
    for (const ModelOption& o : model.options) {
      std::vector<Meaning>& known = meanings[o.name];
      if (known.empty() || known.back().help != o.help) known.push_back({o.help, ""});
      std::string& owners = known.back().owners;
      owners += (owners.empty() ? "" : ", ") + model.family;
      if (!o.default_value.empty()) owners += " " + o.default_value;
    }
  }
  std::map<std::string, std::string> out;
  for (const auto& [name, known] : meanings)
    for (const Meaning& m : known)
      out[name] += str(out[name].empty() ? "" : "; ", m.help, " [", m.owners, "]");
  return out;
}

/// "output_stride" as a flag: --output-stride.
std::string flag_of(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return "--" + name;
}

// Each option that belongs to the recipe is named after its field in TrainConfig, with dashes: that
// is how a resumed run finds which ones were given.
void bind(CLI::App& cmd, TrainFlags& f) {
  TrainConfig& c = f.config;
  const auto positive = CLI::Range(int64_t{1}, int64_t{1} << 40);

  cmd.add_option("--data", c.data, "A data set's folder, or streets (built in)")->group("Data");
  cmd.add_option("--format", c.format,
                 "How the folder is laid out: auto, folder, pairs, camvid, label_colors, segnet, "
                 "cityscapes")
      ->capture_default_str()
      ->group("Data");
  cmd.add_option(
         "--labels", c.labels,
         "Which classes, where several sets are usual: pairs 19 or 30, cityscapes 19 or 34, "
         "label_colors 32 or 11")
      ->group("Data");
  cmd.add_flag("--prune-specks", c.prune_specks,
               "pairs: drop colours that an image shows only at borders")
      ->group("Data");
  cmd.add_option("--label-cache", c.label_cache, "pairs: a folder for labels already converted")
      ->group("Data");
  cmd.add_option("--split-rule", c.split_rule,
                 "For a folder without train and val: tail:20% or random:20%")
      ->group("Data");
  cmd.add_option("--size", c.size, "streets: height and width of the scenes")
      ->expected(2)
      ->check(positive)
      ->group("Data");
  cmd.add_option("--count", c.count, "streets: training scenes")->check(positive)->group("Data");
  cmd.add_option("--normalize", c.normalize, "Pixel scaling: per_image, dataset, imagenet, unit")
      ->check(CLI::IsMember({"per_image", "dataset", "imagenet", "unit"}))
      ->capture_default_str()
      ->group("Data");

  cmd.add_option("--model", c.model, "The network (pixelgrad train --help lists them below)")
      ->capture_default_str()
      ->group("Model");
  cmd.add_option("--model-option", f.model_options,
                 "Any option of the network, as NAME=VALUE; may be repeated")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group("Model");
  cmd.add_option("--weights", c.weights,
                 "A file of weights to begin with: safetensors, .pth, .pt, or a checkpoint")
      ->group("Model");
  cmd.add_flag("--exact-weights", f.exact_weights,
               "Refuse weights that do not fit the network tensor by tensor")
      ->group("Model");
  for (const auto& [name, help] : model_options())
    cmd.add_option_function<std::string>(
           flag_of(name),
           [&f, name = name](const std::string& v) { f.config.model_options[name] = v; }, help)
        ->group("Options of the network");

  cmd.add_option("--epochs", c.epochs, "Passes over the training images")
      ->check(positive)
      ->capture_default_str()
      ->group("Recipe");
  cmd.add_option("--batch-size", c.batch_size, "Images a step")
      ->check(positive)
      ->capture_default_str()
      ->group("Recipe");
  cmd.add_option("--optimizer", c.optimizer, "sgd, adam or adamw")
      ->check(CLI::IsMember({"sgd", "adam", "adamw"}))
      ->capture_default_str()
      ->group("Recipe");
  cmd.add_option("--lr", c.lr, "Learning rate, the schedule's highest")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group("Recipe");
  cmd.add_option("--weight-decay", c.weight_decay, "Weight decay (adamw: decoupled; else L2)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group("Recipe");
  cmd.add_option("--momentum", c.momentum, "Momentum of sgd")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->group("Recipe");
  cmd.add_flag("--nesterov", c.nesterov, "Nesterov momentum for sgd")->group("Recipe");
  cmd.add_option("--schedule", c.schedule, "constant, poly, step, cosine or one_cycle")
      ->check(CLI::IsMember(Schedule::names()))
      ->capture_default_str()
      ->group("Recipe");
  cmd.add_option("--warmup-steps", c.warmup_steps, "Steps of linear warm-up")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group("Recipe");
  cmd.add_option("--clip-norm", c.clip_norm, "Largest norm of the gradient; 0: no limit")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group("Recipe");
  cmd.add_option("--loss", c.loss,
                 "cross_entropy, focal, ohem, dice, jaccard, tversky, lovasz, or a sum of them: "
                 "cross_entropy+0.5*dice")
      ->capture_default_str()
      ->group("Recipe");
  cmd.add_option("--label-smoothing", c.label_smoothing,
                 "Share of cross_entropy's target spread over all classes")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->group("Recipe");
  cmd.add_option("--class-weights", c.class_weights, "none, or median: median frequency balancing")
      ->check(CLI::IsMember({"none", "median"}))
      ->capture_default_str()
      ->group("Recipe");
  cmd.add_option("--seed", c.seed, "Seed of initial weights, shuffling, augmentation and dropout")
      ->capture_default_str()
      ->group("Recipe");

  cmd.add_option("--flip", c.flip, "Random mirroring: none, horizontal, both")
      ->check(CLI::IsMember({"none", "horizontal", "both"}))
      ->capture_default_str()
      ->group("Augmentation");
  cmd.add_option("--scale", c.scale, "Random scaling: lowest and highest factor")
      ->expected(2)
      ->check(CLI::PositiveNumber)
      ->group("Augmentation");
  cmd.add_option("--rotate", c.rotate, "Random rotation, degrees to either side")
      ->check(CLI::Range(0.0, 180.0))
      ->capture_default_str()
      ->group("Augmentation");
  cmd.add_option("--jitter", c.jitter,
                 "Random brightness, contrast and saturation, up to this fraction")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->group("Augmentation");
  cmd.add_option("--crop", c.crop, "Random crop: height and width (default: whole images)")
      ->expected(2)
      ->check(positive)
      ->group("Augmentation");

  cmd.add_flag(
         "--checkpoint-activations", c.checkpoint_activations,
         "Keep only the inputs of each stage for the backward, which computes the rest again: "
         "less memory, more time, the same bits. --resume may add it, or leave it out with "
         "=false")
      ->group("Run");
  cmd.add_option("--out", f.out, "The run folder (default: runs/DATA-MODEL)")->group("Run");
  cmd.add_flag("--resume", f.resume,
               "Go on from the folder's last checkpoint; start where there is none")
      ->group("Run");
  cmd.add_flag("--overwrite", f.overwrite, "Replace a run that is in the folder")->group("Run");
  cmd.add_option("--save-every", f.save_every,
                 "Also save every so many steps (default: at each epoch's end)")
      ->check(positive)
      ->group("Run");
  cmd.add_option("--stop-after", f.stop_after, "Save and leave after so many steps")
      ->check(positive)
      ->group("Run");
  cmd.add_option("--panels", f.panels, "Validation images in the picture of each epoch")
      ->check(CLI::Range(0, 64))
      ->capture_default_str()
      ->group("Run");
  cmd.add_option("--workers", f.workers, "Threads that load images")
      ->check(CLI::Range(1, 64))
      ->capture_default_str()
      ->group("Run");
}

/// The stored recipe, after making sure that no option was given that contradicts it. What does not
/// change the results may be given anew.
TrainConfig resumed_config(const CLI::App& cmd, const TrainConfig& given, TrainConfig stored) {
  const auto asked = nlohmann::json::parse(to_json(given));
  const auto kept = nlohmann::json::parse(to_json(stored));
  for (const auto& [field, value] : asked.items()) {
    if (field == "model_options") {
      for (const auto& [name, option] : value.items())
        check<UsageError>(kept[field].contains(name) && kept[field][name] == option,
                          "[train] --resume: ", name, " ", option.dump(),
                          " differs from the run's ",
                          kept[field].contains(name) ? kept[field][name].dump() : "default");
      continue;
    }
    const std::string flag = flag_of(field);
    const CLI::Option* option = cmd.get_option_no_throw(flag);
    if (!option) option = cmd.get_parent()->get_option(flag);  // of all commands
    if (field == "checkpoint_activations") {
      if (option->count() > 0) stored.checkpoint_activations = given.checkpoint_activations;
      continue;
    }
    check<UsageError>(option->count() == 0 || value == kept[field], "[train] --resume: ", flag, " ",
                      value.dump(), " differs from the run's ", kept[field].dump());
  }
  return stored;
}

std::string default_out(const TrainConfig& c) {
  std::filesystem::path data = c.data;
  if (!data.has_filename()) data = data.parent_path();
  return "runs/" + data.filename().string() + "-" + c.model;
}

void print_result(const TrainResult& result, bool json) {
  const RunState& s = result.state;
  if (json) {
    nlohmann::ordered_json out{{"out", result.out.string()},
                               {"finished", result.finished},
                               {"epochs", s.epoch},
                               {"steps", s.step}};
    if (!s.history.empty()) {
      std::vector<std::string> names;
      for (const ClassInfo& c : result.info.classes) names.push_back(c.name);
      out["best_miou"] = s.best_miou;
      out["best_epoch"] = s.best_epoch;
      out["last"] =
          nlohmann::ordered_json::parse(to_json(s.history.back(), result.timings.back(), names));
    }
    std::printf("%s\n", out.dump().c_str());
  } else if (result.finished) {
    std::printf("mIoU %.4f (best %.4f in epoch %ld), pixel accuracy %.4f; run folder %s\n",
                s.history.back().miou, s.best_miou, static_cast<long>(s.best_epoch),
                s.history.back().pixel_accuracy, result.out.string().c_str());
  } else {
    std::printf("stopped after step %ld; pixelgrad train --resume --out %s goes on\n",
                static_cast<long>(s.step), result.out.string().c_str());
  }
}

}  // namespace

void add_train_command(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App* cmd = app.add_subcommand(
      "train", "Train a network; write checkpoints, metrics and pictures into a run folder");
  bind(*cmd, *flags);
  cmd->footer(
      "Options can stand in a TOML file too: --config FILE; those on the command line win.\n"
      "Ctrl-C saves the run and leaves, a second one leaves at once; --resume goes on, with the "
      "same bits.");
  cmd->callback([cmd, flags, &common] {
    TrainFlags& f = *flags;
    for (const auto& [name, value] : parse_model_options(f.model_options))
      f.config.model_options[name] = value;
    f.config.conv_algo = common.conv_algo;
    if (f.out.empty()) {
      check<UsageError>(!f.config.data.empty(),
                        "[train] --data is missing: a data set's folder, or streets");
      f.out = default_out(f.config);
    }
    if (f.resume)
      if (const auto stored = stored_config(f.out))
        f.config = resumed_config(*cmd, f.config, *stored);
    check<UsageError>(!f.config.data.empty(),
                      "[train] --data is missing: a data set's folder, or streets");
    const TrainResult result = train({.config = f.config,
                                      .out = f.out,
                                      .resume = f.resume,
                                      .overwrite = f.overwrite,
                                      .exact_weights = f.exact_weights,
                                      .save_every = f.save_every,
                                      .panel_images = f.panels,
                                      .workers = f.workers,
                                      .stop_after = f.stop_after,
                                      .verbosity = Verbosity::detect(common.quiet)});
    print_result(result, common.json);
  });
}

}  // namespace pixelgrad

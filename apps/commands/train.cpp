#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/engine/recipe_flags.h"
#include "apps/engine/trainer.h"

namespace pixelgrad {
namespace {

struct TrainFlags {
  RecipeFlags recipe;
  std::string out;
  bool resume = false, overwrite = false;
  int64_t stop_after = 0;
};

void bind(CLI::App& cmd, TrainFlags& f) {
  f.recipe.bind(cmd);
  cmd.add_option("--out", f.out, "The run folder (default: runs/DATA-MODEL)")->group("Run");
  cmd.add_flag("--resume", f.resume,
               "Go on from the folder's last checkpoint; start where there is none")
      ->group("Run");
  cmd.add_flag("--overwrite", f.overwrite, "Replace a run that is in the folder")->group("Run");
  cmd.add_option("--stop-after", f.stop_after, "Save and leave after so many steps")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40))
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
      if (s.best_epoch > 0) {
        out["best_miou"] = s.best_miou;
        out["best_epoch"] = s.best_epoch;
      }
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
    const TrainFlags& f = *flags;
    TrainConfig config = f.recipe.recipe(common.conv_algo, common.precision);
    const auto check_data = [&] {
      check<UsageError>(!config.data.empty(),
                        "[train] --data is missing: a data set's folder, or streets");
    };
    if (f.out.empty()) check_data();
    const std::string out = f.out.empty() ? default_out(config) : f.out;
    if (f.resume)
      if (const auto stored = stored_config(out)) config = resumed_config(*cmd, config, *stored);
    check_data();
    const TrainResult result = train({.config = config,
                                      .out = out,
                                      .resume = f.resume,
                                      .overwrite = f.overwrite,
                                      .exact_weights = f.recipe.exact_weights,
                                      .save_every = f.recipe.save_every,
                                      .panel_images = f.recipe.panels,
                                      .workers = f.recipe.workers,
                                      .device = common.device,
                                      .cuda_graph = f.recipe.cuda_graph,
                                      .stop_after = f.stop_after,
                                      .verbosity = Verbosity::detect(common.quiet)});
    print_result(result, common.json);
  });
}

}  // namespace pixelgrad

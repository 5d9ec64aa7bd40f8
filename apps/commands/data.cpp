#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "data/dataset.h"
#include "data/dataset_check.h"
#include "data/streets.h"

namespace pixelgrad {
namespace {

nlohmann::ordered_json to_json(const DatasetReport& r) {
  nlohmann::ordered_json classes = nlohmann::ordered_json::array();
  for (const DatasetReport::Class& c : r.classes)
    classes.push_back(
        {{"name", c.info.name}, {"pixels", c.pixels}, {"images", c.images}, {"share", c.share}});
  return {{"format", r.format},
          {"samples", r.samples},
          {"readable", r.readable},
          {"smallest", {r.smallest.height, r.smallest.width}},
          {"largest", {r.largest.height, r.largest.width}},
          {"classes", classes},
          {"ignored_share", r.ignored_share},
          {"mean", r.mean},
          {"std", r.std},
          {"warnings", r.warnings},
          {"problems", r.problems}};
}

void add_check(CLI::App& data, const CommonFlags& common) {
  struct Flags {
    std::string data, format = "auto", labels, split_rule, label_cache;
    bool prune_specks = false;
    std::vector<std::string> splits = {"train", "val"};
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* cmd = data.add_subcommand(
      "check", "Read every image and mask; report classes, sizes and what is wrong");
  cmd->add_option("--data", flags->data, "A data set's folder, or streets")->required();
  cmd->add_option("--format", flags->format, "How the folder is laid out")->capture_default_str();
  cmd->add_option(
      "--labels", flags->labels,
      "Which classes, where several sets are usual: pairs 19 or 30, cityscapes 19 or 34, "
      "label_colors 32 or 11");
  cmd->add_flag("--prune-specks", flags->prune_specks,
                "pairs: drop colours that an image shows only at borders");
  cmd->add_option("--label-cache", flags->label_cache,
                  "pairs: a folder for labels already converted");
  cmd->add_option("--split", flags->splits, "Parts to check, separated by commas")
      ->delimiter(',')
      ->capture_default_str();
  cmd->add_option("--split-rule", flags->split_rule,
                  "For a folder without train and val: tail:20% or random:20%");
  cmd->callback([flags, &common] {
    bool sound = true;
    nlohmann::ordered_json out = nlohmann::ordered_json::object();
    std::vector<std::unique_ptr<Dataset>> parts;
    for (const std::string& split : flags->splits) {
      DatasetOptions options;
      options.path = flags->data;
      options.split = split;
      options.format = flags->format;
      options.labels = flags->labels;
      options.prune_specks = flags->prune_specks;
      options.label_cache = flags->label_cache;
      if (!flags->split_rule.empty()) options.split_rule = flags->split_rule;
      parts.push_back(open_dataset(options));
      DatasetReport report = check_dataset(*parts.back());
      for (size_t i = 0; i + 1 < parts.size(); ++i)
        for (const std::string& line : find_shared_images(*parts[i], *parts.back()))
          report.warnings.push_back(line);
      sound = sound && report.problems.empty();
      if (common.json)
        out[split] = to_json(report);
      else
        std::printf("%s: %s", split.c_str(), report.to_string().c_str());
    }
    if (common.json) std::printf("%s\n", out.dump().c_str());
    if (!sound) throw CheckFailed{};
  });
}

void add_streets(CLI::App& data, const CommonFlags& common) {
  struct Flags {
    std::string out, layout = "folder";
    int64_t train = 400, val = 100;
    std::vector<int64_t> size = {128, 160};
    uint64_t seed = 0;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* cmd = data.add_subcommand("streets", "Write the built-in street scenes to disk");
  cmd->add_option("--out", flags->out, "The folder to make")->required();
  cmd->add_option("--layout", flags->layout, "folder, pairs, segnet, label_colors or cityscapes")
      ->check(CLI::IsMember({"folder", "pairs", "segnet", "label_colors", "cityscapes"}))
      ->capture_default_str();
  cmd->add_option("--train", flags->train, "Training scenes")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30))
      ->capture_default_str();
  cmd->add_option("--val", flags->val, "Validation scenes")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30))
      ->capture_default_str();
  cmd->add_option("--size", flags->size, "Height and width")
      ->expected(2)
      ->check(CLI::Range(32, 8192))
      ->capture_default_str();
  cmd->add_option("--seed", flags->seed, "Seed of the scenes")->capture_default_str();
  cmd->callback([flags, &common] {
    write_streets(flags->out,
                  {.height = flags->size[0], .width = flags->size[1], .seed = flags->seed},
                  flags->train, flags->val, streets_layout(flags->layout));
    if (common.json)
      std::printf(
          "%s\n",
          nlohmann::ordered_json{{"out", flags->out}, {"train", flags->train}, {"val", flags->val}}
              .dump()
              .c_str());
    else
      std::printf("%ld training and %ld validation scenes in %s\n", static_cast<long>(flags->train),
                  static_cast<long>(flags->val), flags->out.c_str());
  });
}

}  // namespace

void add_data_command(CLI::App& app, const CommonFlags& common) {
  CLI::App* cmd =
      app.add_subcommand("data", "Look after data sets: check one, or write the built-in one");
  cmd->require_subcommand(1);
  add_check(*cmd, common);
  add_streets(*cmd, common);
}

}  // namespace pixelgrad

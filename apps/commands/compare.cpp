#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <new>
#include <tuple>

#include "apps/commands/commands.h"
#include "apps/engine/comparison.h"
#include "apps/engine/comparison_page.h"
#include "apps/engine/comparison_table.h"
#include "apps/engine/recipe.h"
#include "apps/engine/recipe_flags.h"
#include "apps/engine/signals.h"
#include "apps/engine/trainer.h"
#include "data/file_io.h"

namespace pixelgrad {
namespace fs = std::filesystem;
namespace {

/// In the picture; the table has all runs.
constexpr size_t most_columns = 10;

struct CompareFlags {
  RecipeFlags recipe;
  std::vector<std::string> models, runs, grid;
  std::string seeds, out;
  int64_t random = 0;
  bool resume = false, overwrite = false;
};

void bind(CLI::App& cmd, CompareFlags& f) {
  const auto all = CLI::MultiOptionPolicy::TakeAll;
  auto* models = cmd.add_option("--models", f.models, "Networks to compare: NAME,NAME,...")
                     ->delimiter(',')
                     ->multi_option_policy(all)
                     ->group("What to compare");
  cmd.add_option(
         "--run", f.runs,
         "A run with settings of its own, as \"NAME: model=unet width=32 lr=1e-3\"; the name "
         "may be left out; may be repeated")
      ->multi_option_policy(all)
      ->group("What to compare");
  cmd.add_option("--grid", f.grid,
                 "A setting and its values, as lr=1e-3,1e-2; repeated, all combinations are "
                 "trained; values with commas are separated by semicolons")
      ->multi_option_policy(all)
      ->group("What to compare");
  cmd.add_option("--random", f.random,
                 "Train only so many points of the grid, drawn by --seed; a grid may then have "
                 "ranges, as lr=1e-4..1e-2, drawn evenly on a logarithmic scale")
      ->check(CLI::Range(1, 10000))
      ->group("What to compare");
  cmd.add_option("--seeds", f.seeds, "Short for --grid seed=...")->group("What to compare");
  f.recipe.bind(cmd);
  cmd.get_option("--model")->excludes(models);
  cmd.add_option("--out", f.out,
                 "The folder of the results; each run has its own in it (default: "
                 "runs/DATA-compare)")
      ->group("Run");
  cmd.add_flag("--resume", f.resume,
               "Go on where the folder's comparison was left, and add the runs asked for here")
      ->group("Run");
  cmd.add_flag("--overwrite", f.overwrite, "Train runs anew that are in the folder")->group("Run");
}

/// Both are scored on the same images and classes.
bool same_images(const TrainConfig& a, const TrainConfig& b) {
  const auto all = [](const TrainConfig& c) {
    return std::tie(c.data, c.format, c.labels, c.prune_specks, c.split_rule, c.size, c.resize);
  };
  return all(a) == all(b);
}

/// The runs that the folder knows, then those asked for.
std::vector<Candidate> all_candidates(const CompareFlags& f, const TrainConfig& common,
                                      const fs::path& folder) {
  std::vector<Candidate> out;
  if (f.resume) out = stored_candidates(folder);
  if (common.data.empty()) return out;
  CandidateRequest request{
      .common = common, .models = f.models, .runs = f.runs, .grid = f.grid, .random = f.random};
  if (!f.seeds.empty()) request.grid.push_back("seed=" + f.seeds);
  for (Candidate& candidate : make_candidates(request)) {
    const auto known = std::find_if(out.begin(), out.end(),
                                    [&](const Candidate& c) { return c.name == candidate.name; });
    if (known == out.end())
      out.push_back(std::move(candidate));
    else  // read_run tells when a recipe changed under a run that was begun
      *known = std::move(candidate);
  }
  return out;
}

class Comparing {
 public:
  Comparing(const CompareFlags& flags, const CommonFlags& common, TrainConfig recipe)
      : flags_(flags),
        json_(common.json),
        device_(common.device),
        verbosity_(Verbosity::detect(common.quiet)) {
    check<UsageError>(flags.resume || !recipe.data.empty(),
                      "[compare] --data is missing: a data set's folder, or streets");
    all_.folder = flags.out.empty() ? default_out(recipe) : fs::path(flags.out);
    check<UsageError>(
        flags.resume || flags.overwrite || !fs::exists(all_.folder / comparison_file), "[compare] ",
        all_.folder.string(),
        " already holds a comparison; --resume goes on with it, --overwrite replaces it");
    for (Candidate& c : all_candidates(flags, recipe, all_.folder))
      all_.runs.push_back({.candidate = std::move(c)});
    check<UsageError>(!all_.runs.empty(), "[compare] --resume: ", all_.folder.string(),
                      " holds no comparison, and --data is missing");
    check_runs();
  }

  void run() {
    fs::create_directories(all_.folder);
    // An overwriting that is interrupted and resumed must not take an old run for one of its own.
    if (flags_.overwrite)
      for (const ComparedRun& run : all_.runs)
        fs::remove(all_.folder / run.candidate.name / last_checkpoint);
    write_results();
    for (size_t i = 0; i < all_.runs.size(); ++i) {
      ComparedRun& run = all_.runs[i];
      if (run.status != RunStatus::finished) train_one(i);
      report(i);
      write_results();
    }
    sort_by_score(all_.runs);
    write_results();
    write_picture();
    print_results();
    fail_if_one_failed();
  }

 private:
  static fs::path default_out(const TrainConfig& recipe) {
    check<UsageError>(!recipe.data.empty(),
                      "[compare] --data is missing: a data set's folder, or streets");
    fs::path data = recipe.data;
    if (!data.has_filename()) data = data.parent_path();
    return "runs/" + data.filename().string() + "-compare";
  }

  /// Nothing is trained before all of it is known to be sound.
  void check_runs() {
    const TrainConfig& first = all_.runs.front().candidate.config;
    for (const ComparedRun& run : all_.runs)
      check<UsageError>(run.candidate.config.target == "class", "[compare] ", run.candidate.name,
                        " has --target ", run.candidate.config.target,
                        ", expected class: networks that paint are for train");
    all_.data = first.data;
    const auto train_set = open_dataset(dataset_options(first, "train"));
    all_.classes = train_set->classes();
    for (ComparedRun& run : all_.runs) {
      check<UsageError>(same_images(run.candidate.config, first), "[compare] the data options of ",
                        run.candidate.name, " (--data ", run.candidate.config.data,
                        ") are not those of ", all_.runs.front().candidate.name, " (--data ",
                        first.data, ")");
      const fs::path last = all_.folder / run.candidate.name / last_checkpoint;
      Candidate unread = run.candidate;
      if (flags_.resume && fs::exists(last)) unread.config.weights.clear();  // it has its own
      run.parameters = check_candidate(unread, *train_set, flags_.recipe.exact_weights);
      check<UsageError>(flags_.resume || flags_.overwrite || !fs::exists(last), "[compare] ",
                        last.parent_path().string(),
                        " already holds a run; --resume goes on with it, --overwrite replaces it");
      if (flags_.resume) read_run(all_.folder, run);
    }
  }

  void say(const std::string& line) const {
    if (!verbosity_.quiet) std::fprintf(stderr, "%s\n", line.c_str());
  }

  void train_one(size_t i) {
    ComparedRun& run = all_.runs[i];
    const std::string& name = run.candidate.name;
    say(str("run ", i + 1, " of ", all_.runs.size(), ": ", name));
    try {
      train({.config = run.candidate.config,
             .out = all_.folder / name,
             .resume = flags_.resume,
             .overwrite = flags_.overwrite,
             .exact_weights = flags_.recipe.exact_weights,
             .save_every = flags_.recipe.save_every,
             .panel_images = flags_.recipe.panels,
             .workers = flags_.recipe.workers,
             .device = device_,
             .cuda_graph = flags_.recipe.cuda_graph,
             .verbosity = verbosity_});
    } catch (const Interrupted&) {
      say(str("stopped in ", name, "; pixelgrad compare --resume --out ", all_.folder.string(),
              " goes on"));
      throw;
    } catch (const std::bad_alloc&) {
      run.error = "out of memory";
    } catch (const std::exception& e) {
      run.error = e.what();
    }
    read_run(all_.folder, run);
    if (!run.error.empty()) run.status = RunStatus::failed;
  }

  void report(size_t i) const {
    const ComparedRun& run = all_.runs[i];
    const std::string head = str("[", i + 1, "/", all_.runs.size(), "] ", run.candidate.name, "  ");
    if (run.status == RunStatus::failed) return say(head + "failed: " + run.error);
    char line[160];
    std::snprintf(line, sizeof line, "mIoU %.4f  accuracy %.4f  %.1f images/s  %s",
                  run.scores()->miou, run.scores()->pixel_accuracy, run.images_per_second(),
                  format_duration(run.seconds()).c_str());
    say(head + line);
  }

  /// After every run, so that something is there to look at while the others train.
  void write_results() const {
    Comparison sorted = all_;
    sort_by_score(sorted.runs);
    write_file(all_.folder / comparison_file, to_json(sorted));
    write_file(all_.folder / "compare.csv", comparison_csv(sorted));
    write_file(all_.folder / "compare.md",
               markdown(comparison_table(sorted), "**") + "\n" + scoring_note() + "\n");
    write_comparison_page(sorted, {}, {});
  }

  /// Of the best runs; the page is written again with it.
  void write_picture() const {
    std::vector<const ComparedRun*> drawn;
    for (const ComparedRun& run : all_.runs)
      if (run.scores() && drawn.size() < most_columns) drawn.push_back(&run);
    if (drawn.empty() || flags_.recipe.panels == 0) return;
    const auto validation =
        open_dataset(dataset_options(all_.runs.front().candidate.config, "val"));
    const fs::path path = all_.folder / "compare.png";
    write_comparison_picture(path, all_.folder, drawn, *validation, flags_.recipe.panels);
    write_comparison_page(all_, path, drawn);
  }

  void print_results() const {
    if (json_) {
      std::fputs(to_json(all_).c_str(), stdout);
      return;
    }
    ComparisonTable table = comparison_table(all_);
    std::string text = markdown(table, "*");
    const bool fits = !isatty(STDOUT_FILENO) ||
                      text.find('\n') <= static_cast<size_t>(terminal_width(STDOUT_FILENO));
    if (!fits) {
      std::erase_if(table.columns, [](const auto& column) { return column.of_class; });
      text = markdown(table, "*");
    }
    std::printf("%s%s%s\n", text.c_str(), fits ? "" : "IoU of each class and curves: ",
                (all_.folder / "compare.html").c_str());
  }

  void fail_if_one_failed() const {
    std::string failed;
    for (const ComparedRun& run : all_.runs)
      if (run.status == RunStatus::failed)
        failed += (failed.empty() ? "" : ", ") + run.candidate.name;
    check(failed.empty(), "[compare] failed: ", failed, "; --resume tries again");
  }

  const CompareFlags& flags_;
  const bool json_;
  const Device device_;
  const Verbosity verbosity_;
  Comparison all_;
};

}  // namespace

void add_compare_command(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<CompareFlags>();
  CLI::App* cmd = app.add_subcommand(
      "compare",
      "Train several networks, or one with several settings, and write one table and picture");
  bind(*cmd, *flags);
  cmd->footer(
      "Settings are named as the options below, without dashes in front. Scores are the last "
      "epoch's. Ctrl-C saves the run under way; --resume goes on, with the same bits.");
  cmd->callback([flags, &common] {
    Comparing(*flags, common, flags->recipe.recipe(common.conv_algo, common.precision)).run();
  });
}

}  // namespace pixelgrad

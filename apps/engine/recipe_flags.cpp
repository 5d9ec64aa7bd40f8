#include "apps/engine/recipe_flags.h"

#include <algorithm>
#include <map>
#include <set>

#include "apps/engine/data_flags.h"
#include "apps/engine/recipe.h"
#include "models/registry.h"
#include "optim/schedule.h"

namespace pixelgrad {
namespace {

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

}  // namespace

std::string flag_of(std::string field) {
  std::replace(field.begin(), field.end(), '_', '-');
  return "--" + field;
}

// Each option that belongs to the recipe is named after its field in TrainConfig, with dashes: that
// is how a resumed run finds which ones were given.
void RecipeFlags::bind(CLI::App& cmd) {
  TrainConfig& c = config;
  const auto positive = CLI::Range(int64_t{1}, int64_t{1} << 40);

  bind_data_flags(cmd, c);

  cmd.add_option(
         "--target", c.target,
         "What the network learns: class, or, from image pairs, rgb: to paint the label, by "
         "its mean squared error")
      ->check(CLI::IsMember({"class", "rgb"}))
      ->capture_default_str()
      ->group("Model");
  cmd.add_option("--model", c.model, "The network (pixelgrad train --help lists them below)")
      ->capture_default_str()
      ->group("Model");
  cmd.add_option("--model-option", model_option_texts,
                 "Any option of the network, as NAME=VALUE; may be repeated")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group("Model");
  cmd.add_option("--weights", c.weights,
                 "A file of weights to begin with: safetensors, .pth, .pt, or a checkpoint")
      ->group("Model");
  cmd.add_flag("--exact-weights", exact_weights,
               "Refuse weights that do not fit the network tensor by tensor")
      ->group("Model");
  for (const auto& [name, help] : model_options())
    cmd.add_option_function<std::string>(
           flag_of(name),
           [this, name = name](const std::string& v) { config.model_options[name] = v; }, help)
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
  loss_flag =
      cmd.add_option(
             "--loss", c.loss,
             "cross_entropy, focal, ohem, dice, jaccard, tversky, lovasz, or a sum of them: "
             "cross_entropy+0.5*dice; mse with --target rgb")
          ->capture_default_str()
          ->group("Recipe");
  cmd.add_option("--label-smoothing", c.label_smoothing,
                 "Share of cross_entropy's target spread over all classes")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->group("Recipe");
  cmd.add_option("--class-weights", c.class_weights,
                 "none; enet:C: 1 / ln(C + the class's share), C = 1.02 if not given; or median: "
                 "median frequency balancing, which has no bound")
      ->capture_default_str()
      ->group("Recipe");
  cmd.add_option("--seed", c.seed, "Seed of initial weights, shuffling, augmentation and dropout")
      ->capture_default_str()
      ->group("Recipe");
  cmd.add_option("--validate-every", c.validate_every,
                 "Score the validation images after every so many epochs, and after the last")
      ->check(positive)
      ->capture_default_str()
      ->group("Recipe");

  bind_augmentation_flags(cmd, c);

  cmd.add_flag(
         "--checkpoint-activations", c.checkpoint_activations,
         "Keep only the inputs of each stage for the backward, which computes the rest again: "
         "less memory, more time, the same bits. --resume may add it, or leave it out with "
         "=false")
      ->group("Run");
  cmd.add_option("--save-every", save_every,
                 "Also save every so many steps (default: at each epoch's end)")
      ->check(positive)
      ->group("Run");
  cmd.add_option("--panels", panels, "Validation images in the picture of each epoch")
      ->check(CLI::Range(0, 64))
      ->capture_default_str()
      ->group("Run");
  cmd.add_option("--workers", workers, "Threads that load images")
      ->check(CLI::Range(1, 64))
      ->capture_default_str()
      ->group("Run");
  cmd.add_option_function<std::string>(
         "--cuda-graph", [this](const std::string& value) { cuda_graph = value == "on"; },
         "Whether a GPU is asked for each step as one CUDA graph: on (default) or off; the same "
         "bits")
      ->check(CLI::IsMember({"on", "off"}))
      ->group("Run");
}

TrainConfig RecipeFlags::recipe(const std::string& conv_algo, const std::string& precision) const {
  TrainConfig out = config;
  for (const auto& [name, value] : parse_model_options(model_option_texts))
    out.model_options[name] = value;
  out.conv_algo = conv_algo;
  out.precision = precision;
  if (out.target == "rgb" && loss_flag->count() == 0) out.loss = "mse";
  return out;
}

}  // namespace pixelgrad

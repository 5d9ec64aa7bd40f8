#include "apps/engine/config.h"

#include <nlohmann/json.hpp>

#include "tensor/check.h"

namespace pixelgrad {
namespace {

/// Calls visit("name", member) for every field, so that writing and reading cannot differ.
template <class Config, class Visit>
void each_field(Config& c, const Visit& visit) {
  visit("data", c.data);
  visit("format", c.format);
  visit("labels", c.labels);
  visit("prune_specks", c.prune_specks);
  visit("label_cache", c.label_cache);
  visit("split_rule", c.split_rule);
  visit("size", c.size);
  visit("count", c.count);
  visit("resize", c.resize);
  visit("target", c.target);
  visit("model", c.model);
  visit("model_options", c.model_options);
  visit("weights", c.weights);
  visit("epochs", c.epochs);
  visit("batch_size", c.batch_size);
  visit("optimizer", c.optimizer);
  visit("lr", c.lr);
  visit("weight_decay", c.weight_decay);
  visit("momentum", c.momentum);
  visit("nesterov", c.nesterov);
  visit("schedule", c.schedule);
  visit("warmup_steps", c.warmup_steps);
  visit("clip_norm", c.clip_norm);
  visit("loss", c.loss);
  visit("label_smoothing", c.label_smoothing);
  visit("class_weights", c.class_weights);
  visit("normalize", c.normalize);
  visit("flip", c.flip);
  visit("scale", c.scale);
  visit("rotate", c.rotate);
  visit("jitter", c.jitter);
  visit("crop", c.crop);
  visit("seed", c.seed);
  visit("validate_every", c.validate_every);
  visit("conv_algo", c.conv_algo);
  visit("precision", c.precision);
  visit("checkpoint_activations", c.checkpoint_activations);
}

}  // namespace

std::string to_json(const TrainConfig& config) {
  nlohmann::ordered_json out;
  each_field(config, [&](const char* name, const auto& value) { out[name] = value; });
  return out.dump();
}

TrainConfig train_config_from_json(const std::string& text) {
  TrainConfig config;
  try {
    auto json = nlohmann::json::parse(text);
    each_field(config, [&](const char* name, auto& value) {
      if (!json.contains(name)) return;
      json[name].get_to(value);
      json.erase(name);
    });
    check<CheckpointError>(json.empty(), "[config] unknown key '",
                           json.empty() ? "" : json.begin().key(), "'");
  } catch (const nlohmann::json::exception& e) {
    throw CheckpointError(str("[config] ", e.what()));
  }
  return config;
}

}  // namespace pixelgrad

#include "apps/engine/checkpoint.h"

#include <map>
#include <nlohmann/json.hpp>

#include "models/registry.h"
#include "models/safetensors.h"

namespace pixelgrad {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* format_name = "pixelgrad checkpoint 1";
constexpr std::string_view model_prefix = "model.", optimizer_prefix = "optimizer.";

std::string info_to_json(const ModelCard& info) {
  Json classes = Json::array();
  for (const ClassInfo& c : info.classes)
    classes.push_back({{"name", c.name}, {"color", c.color}, {"scored", c.scored}});
  return Json{{"name", info.model.name},       {"in_channels", info.model.in_channels},
              {"classes", info.model.classes}, {"options", info.model.options},
              {"class_info", classes},         {"normalization", info.normalization.to_map()},
              {"paints", info.paints}}
      .dump();
}

ModelCard info_from_json(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  ModelCard info;
  info.model = {.name = json.at("name"),
                .in_channels = json.at("in_channels"),
                .classes = json.at("classes"),
                .options = json.at("options").get<Options>()};
  for (const auto& c : json.at("class_info"))
    info.classes.push_back({c.at("name"), c.at("color"), c.at("scored")});
  info.paints = json.value("paints", false);  // files of earlier versions do not say
  info.normalization = Normalization::from_map(json.at("normalization").get<Options>());
  return info;
}

std::string state_to_json(const RunState& s) {
  return Json{{"epoch", s.epoch},       {"batch", s.batch},         {"step", s.step},
              {"loss_sum", s.loss_sum}, {"best_miou", s.best_miou}, {"best_epoch", s.best_epoch}}
      .dump();
}

RunState state_from_json(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  RunState s;
  json.at("epoch").get_to(s.epoch);
  json.at("batch").get_to(s.batch);
  json.at("step").get_to(s.step);
  json.at("loss_sum").get_to(s.loss_sum);
  json.at("best_miou").get_to(s.best_miou);
  json.at("best_epoch").get_to(s.best_epoch);
  return s;
}

void append(std::vector<NamedTensor>& out, std::string_view prefix,
            const std::vector<NamedTensor>& tensors) {
  for (const NamedTensor& t : tensors) out.push_back({std::string(prefix) + t.name, t.tensor});
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const TrainConfig& config,
                     const ModelCard& info, const RunState& state, const SegmentationModel& model,
                     const Optimizer& optimizer) {
  TensorFile file;
  append(file.tensors, model_prefix, model.state());
  append(file.tensors, optimizer_prefix, optimizer.state());
  file.metadata = {{"format", format_name},
                   {"config", to_json(config)},
                   {"model", info_to_json(info)},
                   {"state", state_to_json(state)},
                   {"history", history_to_json(state.history)}};
  write_safetensors(path, file);
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  TensorFile file = read_safetensors(path);
  const auto entry = [&](const char* key) -> const std::string& {
    const auto found = file.metadata.find(key);
    check<CheckpointError>(found != file.metadata.end(), path.string(),
                           ": not a checkpoint of a training run (no '", key, "' in its metadata)");
    return found->second;
  };
  check<CheckpointError>(entry("format") == format_name, path.string(), ": format '",
                         entry("format"), "', expected '", format_name, "'");
  Checkpoint out;
  try {
    out.config = train_config_from_json(entry("config"));
    out.info = info_from_json(entry("model"));
    out.state = state_from_json(entry("state"));
    out.state.history = history_from_json(entry("history"));
  } catch (const nlohmann::json::exception& e) {
    throw CheckpointError(str(path.string(), ": damaged metadata: ", e.what()));
  }
  for (NamedTensor& t : file.tensors) {
    if (t.name.starts_with(model_prefix))
      out.model.push_back({t.name.substr(model_prefix.size()), t.tensor});
    else if (t.name.starts_with(optimizer_prefix))
      out.optimizer.push_back({t.name.substr(optimizer_prefix.size()), t.tensor});
    else
      throw CheckpointError(str(path.string(), ": unexpected tensor '", t.name, "'"));
  }
  return out;
}

void load_state(const std::vector<NamedTensor>& state, const std::vector<NamedTensor>& values) {
  std::map<std::string, Tensor> given;
  for (const NamedTensor& v : values) given.emplace(v.name, v.tensor);
  for (const NamedTensor& s : state) {
    const auto found = given.find(s.name);
    check<CheckpointError>(found != given.end(), "[load] no tensor '", s.name, "' among ",
                           values.size());
    const Tensor& v = found->second;
    check<CheckpointError>(v.shape() == s.tensor.shape() && v.dtype() == s.tensor.dtype(),
                           "[load] '", s.name, "' is ", v.shape(), " of ", v.dtype(),
                           ", the model has ", s.tensor.shape(), " of ", s.tensor.dtype());
  }
  check<CheckpointError>(given.size() == state.size(), "[load] ", given.size(),
                         " tensors for a model of ", state.size());
  for (const NamedTensor& s : state) Tensor(s.tensor).copy_from(given.at(s.name));
}

std::unique_ptr<SegmentationModel> restore_model(const Checkpoint& checkpoint) {
  auto model = make_model(checkpoint.info.model);
  load_state(model->state(), checkpoint.model);
  model->eval();
  return model;
}

}  // namespace pixelgrad

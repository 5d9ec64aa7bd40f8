#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/engine/network_flags.h"
#include "apps/engine/progress.h"
#include "models/registry.h"
#include "models/summary.h"
#include "tensor/dry_run.h"

namespace pixelgrad {
namespace {

using Json = nlohmann::ordered_json;

std::string field_text(const ReceptiveField& field) {
  return field.whole_image ? "image" : str(field.height, "x", field.width);
}

Json to_json(const ReceptiveField& field) { return {field.height, field.width}; }

Json to_json(const ModelConfig& config, const ModelSummary& s) {
  Json layers = Json::array();
  for (const LayerSummary& layer : s.layers)
    layers.push_back({{"name", layer.name},
                      {"type", layer.type},
                      {"output_shape", layer.shape},
                      {"parameters", layer.parameters},
                      {"macs", layer.macs},
                      {"activation_bytes", layer.activation_bytes},
                      {"receptive_field", to_json(layer.receptive_field)},
                      {"sees_whole_image", layer.receptive_field.whole_image}});
  return {{"model", config.name},
          {"classes", config.classes},
          {"options", config.options},
          {"input_shape", s.input},
          {"logits_shape", s.logits},
          {"parameters", s.parameters},
          {"trainable", s.trainable},
          {"training_only_parameters", s.training_only},
          {"buffers", s.buffers},
          {"macs", s.macs},
          {"activation_bytes", s.activation_bytes},
          {"receptive_field", to_json(s.receptive_field)},
          {"sees_whole_image", s.receptive_field.whole_image},
          {"layers", layers}};
}

void print_table(const ModelSummary& s) {
  size_t name_width = 5, type_width = 4;
  for (const LayerSummary& layer : s.layers) {
    name_width = std::max(name_width, layer.name.size());
    type_width = std::max(type_width, layer.type.size());
  }
  const auto row = [&](const std::string& name, const std::string& type, const std::string& shape,
                       const std::string& parameters, const std::string& macs,
                       const std::string& field) {
    std::printf("%-*s  %-*s  %-18s %12s %16s %11s\n", static_cast<int>(name_width), name.c_str(),
                static_cast<int>(type_width), type.c_str(), shape.c_str(), parameters.c_str(),
                macs.c_str(), field.c_str());
  };
  row("layer", "type", "output", "parameters", "MACs", "sees");
  for (const LayerSummary& layer : s.layers)
    row(layer.name, layer.type, to_string(layer.shape),
        layer.parameters ? grouped(layer.parameters) : "", layer.macs ? grouped(layer.macs) : "",
        field_text(layer.receptive_field));
  std::printf("\nimage            %s -> logits %s\n", to_string(s.input).c_str(),
              to_string(s.logits).c_str());
  std::printf("parameters       %s, trainable %s", grouped(s.parameters).c_str(),
              grouped(s.trainable).c_str());
  if (s.training_only)
    std::printf(", of layers that only training runs %s", grouped(s.training_only).c_str());
  std::printf("\nbuffers          %s\n", grouped(s.buffers).c_str());
  std::printf("MACs             %s = %.2f G (convolutions and matrix products, padding included)\n",
              grouped(s.macs).c_str(), static_cast<double>(s.macs) * 1e-9);
  std::printf("activations      %s bytes = %.1f MiB (outputs of all ops for one image, f32)\n",
              grouped(s.activation_bytes).c_str(),
              static_cast<double>(s.activation_bytes) / (1 << 20));
  std::printf("receptive field  %s\n", s.receptive_field.whole_image
                                           ? "the whole image"
                                           : field_text(s.receptive_field).c_str());
}

void print_models_as_json() {
  Json models = Json::array();
  for (const ModelInfo& model : list_models()) {
    Json options = Json::array();
    for (const ModelOption& o : model.options)
      options.push_back({{"name", o.name}, {"default", o.default_value}, {"help", o.help}});
    models.push_back({{"name", model.name},
                      {"family", model.family},
                      {"description", model.description},
                      {"options", options}});
  }
  std::printf("%s\n", Json{{"models", models}}.dump().c_str());
}

/// Once for each family: its members, what it is, and its options.
void print_models() {
  const std::vector<ModelInfo>& all = list_models();
  for (auto model = all.begin(); model != all.end();) {
    const auto end = std::find_if(
        model, all.end(), [&](const ModelInfo& other) { return other.family != model->family; });
    std::string names;
    for (auto member = model; member != end; ++member)
      names += (names.empty() ? "" : ", ") + member->name;
    std::printf("%s\n  %s\n", names.c_str(), model->description.c_str());
    for (const ModelOption& o : model->options)
      std::printf("    %-20s %-12s %s\n", o.name.c_str(),
                  o.default_value.empty() ? "-" : o.default_value.c_str(), o.help.c_str());
    std::printf("\n");
    model = end;
  }
  std::printf(
      "An option goes to a command as --option NAME=VALUE; its default stands beside it.\n");
}

}  // namespace

void add_summary_command(CLI::App& app, const CommonFlags& common) {
  struct Flags : NetworkFlags {
    bool list = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* cmd = app.add_subcommand(
      "summary",
      "Layers, parameters, multiply-adds, memory and receptive field of a network; computes none "
      "of it, so large ones take no longer");
  flags->bind(*cmd);
  cmd->add_flag("--list", flags->list, "List the networks with their options and defaults");
  cmd->callback([flags, &common] {
    if (flags->list) return common.json ? print_models_as_json() : print_models();
    check<UsageError>(!flags->name.empty(),
                      "[summary] the network is missing (summary --list names them)");
    const ImageSize size = flags->size();
    const DryRun no_first_values;
    const auto model = make_model(flags->model());
    const ModelSummary summary = summarize(*model, size.height, size.width);
    if (common.json)
      std::printf("%s\n", to_json(model->config(), summary).dump().c_str());
    else
      print_table(summary);
  });
}

}  // namespace pixelgrad

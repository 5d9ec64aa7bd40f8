#include "models/registry.h"

#include <algorithm>

#include "models/conv1x1.h"
#include "models/deeplabv3.h"
#include "models/deeplabv3plus.h"
#include "models/pspnet.h"
#include "models/pspnet_keras.h"
#include "models/resnet.h"
#include "models/unet.h"
#include "models/unet_resnet.h"

namespace pixelgrad {
namespace {

using Factory = std::unique_ptr<SegmentationModel> (*)(const ModelConfig&);

template <class M>
std::unique_ptr<SegmentationModel> make(const ModelConfig& config) {
  return std::make_unique<M>(config);
}

struct Entry {
  ModelInfo info;
  Factory factory;
};

/// The models of a class whose static info(depth) describes it on the ResNet of that depth.
template <class M>
void add_on_each_resnet(std::vector<Entry>& all) {
  for (const int64_t depth : resnet_depths()) all.push_back({M::info(depth), make<M>});
}

/// The one place to add a model to: its class has a static info() and is built from a ModelConfig.
const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = [] {
    std::vector<Entry> models{{UNet::info(), make<UNet>}};
    add_on_each_resnet<UNetResNet>(models);
    add_on_each_resnet<PspNet>(models);
    models.push_back({PspNetKeras::info(), make<PspNetKeras>});
    add_on_each_resnet<DeepLabV3>(models);
    add_on_each_resnet<DeepLabV3Plus>(models);
    models.push_back({Conv1x1::info(), make<Conv1x1>});
    return models;
  }();
  return all;
}

template <class Items>
std::string names_of(const Items& items) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : ", ") + item.name;
  return out.empty() ? "none" : out;
}

const Entry& find(const std::string& name) {
  for (const Entry& entry : entries())
    if (entry.info.name == name) return entry;
  throw UsageError(
      str("[model] unknown model '", name, "', expected one of: ", names_of(list_models())));
}

/// The config with defaults filled in. Values are checked by the model, which knows them.
ModelConfig complete(ModelConfig config, const ModelInfo& info) {
  for (const auto& [name, value] : config.options)
    check<UsageError>(std::any_of(info.options.begin(), info.options.end(),
                                  [&](const ModelOption& o) { return o.name == name; }),
                      "[", info.name, "] unknown option '", name,
                      "', expected one of: ", names_of(info.options));
  for (const ModelOption& o : info.options) config.options.try_emplace(o.name, o.default_value);
  check<UsageError>(config.in_channels >= 1, "[", info.name, "] in_channels is ",
                    config.in_channels, ", expected at least 1");
  check<UsageError>(config.classes >= 1, "[", info.name, "] classes is ", config.classes,
                    ", expected at least 1");
  return config;
}

}  // namespace

std::unique_ptr<SegmentationModel> make_model(const ModelConfig& config) {
  const Entry& entry = find(config.name);
  return entry.factory(complete(config, entry.info));
}

const ModelInfo& model_info(const std::string& name) { return find(name).info; }

const std::vector<ModelInfo>& list_models() {
  static const std::vector<ModelInfo> infos = [] {
    std::vector<ModelInfo> out;
    for (const Entry& entry : entries()) out.push_back(entry.info);
    return out;
  }();
  return infos;
}

}  // namespace pixelgrad

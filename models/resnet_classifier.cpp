#include "models/resnet_classifier.h"

#include <algorithm>
#include <map>
#include <utility>

#include "autograd/ops/pool.h"
#include "autograd/ops/shape.h"
#include "models/input_file.h"
#include "tensor/dry_run.h"

namespace pixelgrad {
namespace {

template <class... Parts>
[[noreturn]] void fail(const WeightFile& file, const Parts&... parts) {
  throw CheckpointError(str("[classifier] ", file.path().string(), ": ", parts...));
}

std::string metadata_of(const WeightFile& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  return found == file.metadata().end() ? "" : found->second;
}

/// In this library's layout.
Shape shape_of(const WeightFile& file, const std::string& name, size_t dims) {
  for (const WeightEntry& e : file.entries()) {
    if (e.name != name) continue;
    if (e.shape.size() != dims)
      fail(file, "tensor ", name, " is ", e.shape, ", expected ", dims, " dimensions");
    return to_layout(e.shape, file.layout(), WeightLayout::pixelgrad);
  }
  fail(file, "tensor ", name, " is missing");
}

ResNetClassifier::Options options_of(const WeightFile& file) {
  const std::string architecture = metadata_of(file, "architecture");
  const std::vector<int64_t>& depths = resnet_depths();
  const auto depth = std::find_if(depths.begin(), depths.end(),
                                  [&](int64_t d) { return architecture == str("resnet", d); });
  if (depth == depths.end())
    fail(file, "metadata 'architecture' is ", quote_name(architecture),
         ", expected resnet18, resnet34, resnet50, resnet101 or resnet152");
  const Shape stem = shape_of(file, "conv1.weight", 4);
  return {
      .backbone = {.depth = *depth,
                   .in_channels = stem[3],
                   .width = stem[0],
                   .stride_on_1x1 = metadata_of(file, "stride_position").starts_with("first 1x1")},
      .classes = shape_of(file, "fc.weight", 2)[0]};
}

bool is_counter(const std::string& name) { return name.ends_with(".num_batches_tracked"); }

}  // namespace

ResNetClassifier::ResNetClassifier(Options options)
    : options_(options),
      backbone_(add<ResNet>("", options.backbone)),
      fc_(add<Linear>("fc",
                      {.in_features = backbone_.channels(4), .out_features = options.classes})) {}

Tensor ResNetClassifier::forward(const Tensor& images) {
  const Tensor means = global_avg_pool2d(backbone_.forward(images, 0, 4));
  return fc_(reshape(means, {means.shape(0), means.shape(3)}));
}

std::unique_ptr<ResNetClassifier> read_resnet_classifier(WeightFile& file) {
  const ResNetClassifier::Options options = options_of(file);
  constexpr int64_t widest = 1024;
  if (options.backbone.in_channels < 1 || options.backbone.width < 1 || options.classes < 1 ||
      options.backbone.width > widest)
    fail(file, "a stem of ", options.backbone.width, " channels on ", options.backbone.in_channels,
         " and ", options.classes, " classes, expected at least 1 of each, and at most ", widest,
         " channels");
  auto model = [&] {
    const DryRun no_first_values;  // nor memory for them, before the file is known to fit
    return std::make_unique<ResNetClassifier>(options);
  }();

  std::map<std::string, size_t> unread;
  for (size_t i = 0; i < file.entries().size(); ++i) unread[file.entries()[i].name] = i;
  std::vector<std::pair<size_t, Tensor>> fitting;
  for (const NamedTensor& target : model->state()) {
    const auto found = unread.find(target.name);
    if (found == unread.end()) {
      if (is_counter(target.name)) continue;
      fail(file, "tensor ", target.name, " is missing");
    }
    const Shape shape =
        to_layout(file.entries()[found->second].shape, file.layout(), WeightLayout::pixelgrad);
    if (shape != target.tensor.shape())
      fail(file, "tensor ", target.name, " is ", shape, ", expected ", target.tensor.shape());
    fitting.emplace_back(found->second, target.tensor);
    unread.erase(found);
  }
  if (!unread.empty())
    fail(file, "tensor ", quote_name(unread.begin()->first), " belongs to no layer of ",
         metadata_of(file, "architecture"));
  for (auto& [entry, target] : fitting)
    target.copy_from(file.read(entry, WeightLayout::pixelgrad).to(target.dtype()));
  model->eval();
  return model;
}

}  // namespace pixelgrad

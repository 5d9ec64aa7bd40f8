#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/commands/commands.h"
#include "apps/engine/classifier_input.h"
#include "autograd/ops/log_softmax.h"
#include "data/image_io.h"
#include "models/resnet_classifier.h"

namespace pixelgrad {
namespace {

/// The indices of the largest values, the largest first; of equal ones the first comes first.
std::vector<int64_t> largest(const std::vector<double>& values, int64_t count) {
  std::vector<int64_t> order(values.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return values[static_cast<size_t>(a)] > values[static_cast<size_t>(b)];
  });
  order.resize(std::min(order.size(), static_cast<size_t>(count)));
  return order;
}

}  // namespace

void add_classify_command(CLI::App& app, const CommonFlags& common) {
  struct Flags {
    std::string image, weights, dtype = "f32";
    int64_t top = 5;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* cmd = app.add_subcommand(
      "classify", "Say what a photo shows, with a ResNet that was trained on ImageNet");
  cmd->add_option("image", flags->image, "A PNG or JPEG file")->required();
  cmd->add_option("--weights", flags->weights,
                  "The network: a file whose metadata name architecture, stride_position and input")
      ->required();
  cmd->add_option("--top", flags->top, "How many classes to name")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  cmd->add_option("--dtype", flags->dtype, "What the network computes in")
      ->check(CLI::IsMember({"f32", "f64"}))
      ->capture_default_str();
  cmd->callback([flags, &common] {
    const NoGrad no_grad;
    const Image photo = read_image(flags->image);
    const auto file = open_weights(flags->weights);
    const Normalization scaling = classifier_scaling(file->metadata());
    const auto model = read_resnet_classifier(*file);
    const int64_t channels = model->options().backbone.in_channels;
    check<CheckpointError>(channels == 3, "[classifier] ", flags->weights, ": the network reads ",
                           channels, " channels, expected 3");
    const Dtype dtype = flags->dtype == "f64" ? Dtype::f64 : Dtype::f32;
    model->to(dtype);
    const Tensor logits = model->forward(classifier_input(photo, scaling).to(dtype));
    const std::vector<double> probabilities = softmax(logits.to(Dtype::f64)).to_doubles();
    nlohmann::ordered_json top = nlohmann::ordered_json::array();
    for (const int64_t index : largest(probabilities, flags->top)) {
      const double probability = probabilities[static_cast<size_t>(index)];
      top.push_back({{"index", index}, {"probability", probability}});
      if (!common.json) std::printf("%9.6f  class %ld\n", probability, static_cast<long>(index));
    }
    if (common.json)
      std::printf("%s\n",
                  nlohmann::ordered_json{{"image", flags->image}, {"top", top}}.dump().c_str());
  });
}

}  // namespace pixelgrad

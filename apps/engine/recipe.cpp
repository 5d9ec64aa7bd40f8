#include "apps/engine/recipe.h"

#include "apps/engine/class_weights.h"
#include "apps/engine/painting.h"
#include "data/streets.h"
#include "optim/adam.h"
#include "optim/sgd.h"
#include "tensor/kernels/conv2d.h"

namespace pixelgrad {
namespace {

/// Throws unless the target is known, and loss, class weights and label smoothing suit it.
void check_target(const TrainConfig& c) {
  if (c.target == "class") return;
  check<UsageError>(c.target == "rgb", "[train] unknown target '", c.target,
                    "', expected class or rgb");
  check<UsageError>(c.loss == "mse", "[train] --loss ", c.loss,
                    " is for classes, --target rgb expects mse");
  check<UsageError>(c.class_weights == "none", "[train] --class-weights ", c.class_weights,
                    " is for classes, --target rgb expects none");
  check<UsageError>(c.label_smoothing == 0, "[train] --label-smoothing ", c.label_smoothing,
                    " is for classes, --target rgb expects 0");
}

}  // namespace

Options parse_model_options(const std::vector<std::string>& texts) {
  Options options;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    check<UsageError>(equals != std::string::npos && equals > 0, "[model] --model-option ", text,
                      ", expected NAME=VALUE");
    options[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return options;
}

DatasetOptions dataset_options(const TrainConfig& config, const std::string& split) {
  check_target(config);
  check<UsageError>(config.size.empty() || config.data == "streets",
                    "[train] --size is for --data streets, got --data ", config.data);
  check<UsageError>(config.count == 0 || config.data == "streets",
                    "[train] --count is for --data streets, got --data ", config.data);
  check<UsageError>(config.resize.empty() || config.data != "streets",
                    "[train] --resize is for folders, --data streets has --size");
  DatasetOptions options;
  options.path = config.data;
  options.split = split;
  options.format = config.format;
  options.labels = config.labels;
  options.prune_specks = config.prune_specks;
  options.label_cache = config.label_cache;
  options.color_targets = config.target == "rgb";
  if (!config.split_rule.empty()) options.split_rule = config.split_rule;
  if (config.size.size() == 2) {
    options.streets.height = config.size[0];
    options.streets.width = config.size[1];
  }
  if (config.resize.size() == 2) options.resize = {config.resize[0], config.resize[1]};
  if (config.count > 0) options.streets.train = config.count;
  return options;
}

ModelCard model_card(const TrainConfig& config, const Dataset& train) {
  const bool paints = config.target == "rgb";
  return {
      .model = {.name = config.model,
                .in_channels = 3,
                .classes = paints ? painted_channels : static_cast<int64_t>(train.classes().size()),
                .options = config.model_options},
      .classes = train.classes(),
      .normalization = make_normalization(config.normalize, train),
      .paints = paints};
}

LoaderOptions loader_options(const TrainConfig& config, const Normalization& normalization,
                             int workers) {
  LoaderOptions options;
  options.batch_size = config.batch_size;
  options.shuffle = true;
  options.seed = config.seed;
  options.workers = workers;
  options.normalization = normalization;
  AugmentOptions& a = options.augment;
  a.horizontal_flip = config.flip == "none" ? 0 : 0.5;
  a.vertical_flip = config.flip == "both" ? 0.5 : 0;
  if (config.scale.size() == 2) {
    a.scale_min = config.scale[0];
    a.scale_max = config.scale[1];
  }
  a.rotate = config.rotate;
  a.brightness = a.contrast = a.saturation = config.jitter;
  if (config.crop.size() == 2) a.crop = {config.crop[0], config.crop[1]};
  check_options(a);
  return options;
}

std::unique_ptr<Optimizer> make_optimizer(const TrainConfig& config,
                                          std::vector<NamedTensor> params) {
  if (config.optimizer == "sgd")
    return std::make_unique<Sgd>(std::move(params), SgdOptions{.momentum = config.momentum,
                                                               .weight_decay = config.weight_decay,
                                                               .nesterov = config.nesterov});
  if (config.optimizer == "adam")
    return std::make_unique<Adam>(std::move(params),
                                  AdamOptions{.weight_decay = config.weight_decay});
  if (config.optimizer == "adamw")
    return std::make_unique<AdamW>(std::move(params),
                                   AdamOptions{.weight_decay = config.weight_decay});
  throw UsageError(
      str("[train] unknown optimizer '", config.optimizer, "', expected sgd, adam or adamw"));
}

Schedule make_schedule(const TrainConfig& config, int64_t total_steps) {
  return Schedule::parse({{"name", config.schedule},
                          {"lr", to_text(config.lr)},
                          {"total_steps", std::to_string(total_steps)},
                          {"warmup_steps", std::to_string(config.warmup_steps)}});
}

LabelLoss make_loss(const TrainConfig& config, const Dataset& train, Device device) {
  const std::vector<LossTerm> terms = parse_loss(config.loss);  // before labels are read
  LossOptions options;
  options.ignore_index = ignore_label;
  options.label_smoothing = config.label_smoothing;
  if (config.class_weights != "none")
    options.class_weights = class_weights(config.class_weights, train).to(device);
  return make_label_loss(terms, options);
}

void choose_conv_algorithm(const TrainConfig& config) {
  const auto found = kernels::conv_algorithms().find(config.conv_algo);
  check<UsageError>(found != kernels::conv_algorithms().end(), "[conv_algo] got '",
                    config.conv_algo, "', expected auto, direct or winograd");
  kernels::set_conv_algorithm(found->second);
}

}  // namespace pixelgrad

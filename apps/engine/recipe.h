#pragma once
#include <memory>
#include <string>

#include "apps/engine/checkpoint.h"
#include "apps/engine/config.h"
#include "apps/engine/loss_recipe.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

// From the words of a TrainConfig to the objects that training is made of. All throw UsageError
// naming an option that is not valid.
namespace pixelgrad {

/// Texts like "width=16".
Options parse_model_options(const std::vector<std::string>& texts);

DatasetOptions dataset_options(const TrainConfig& config, const std::string& split);

/// The network for a data set, and how its images are scaled. Reads all training images once where
/// the config asks for the data set's statistics.
ModelCard model_card(const TrainConfig& config, const Dataset& train);

LoaderOptions loader_options(const TrainConfig& config, const Normalization& normalization,
                             int workers);

std::unique_ptr<Optimizer> make_optimizer(const TrainConfig& config,
                                          std::vector<NamedTensor> params);

Schedule make_schedule(const TrainConfig& config, int64_t total_steps);

/// For all convolutions from now on.
void choose_conv_algorithm(const TrainConfig& config);

/// For logits on `device`. Reads all training labels once where the config asks for class weights.
LabelLoss make_loss(const TrainConfig& config, const Dataset& train, Device device);

}  // namespace pixelgrad

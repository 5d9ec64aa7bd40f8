#pragma once
// What the samples of the op table hold in OpSample::arguments, where it is not an op's own spec.
#include <vector>

#include "autograd/ops/batch_norm.h"
#include "tensor/tensor.h"

namespace pixelgrad {

/// Of batch_norm. The statistics are those before the call; empty: none.
struct BatchNormArguments {
  BatchNormSpec spec;
  std::vector<double> running_mean = {}, running_variance = {};
};

/// Of a loss on labels. `weights` stand for the spec's class_weights or pos_weight, in every dtype;
/// empty: none.
template <class Spec>
struct LabelLossArguments {
  Tensor labels;
  Spec spec;
  std::vector<double> weights = {};
};

/// Of weighted_sum.
struct WeightedSumArguments {
  std::vector<double> weights;
};

/// Of deep_supervision by cross entropy.
struct DeepSupervisionArguments {
  std::vector<double> weights;
  Tensor labels;
  bool align_corners = false;
};

}  // namespace pixelgrad

#pragma once
// What the samples of the op table hold in OpSample::arguments, where it is not an op's own spec.
#include <vector>

#include "autograd/ops/batch_norm.h"
#include "tensor/tensor.h"

namespace pixelgrad {

/// Of batch_norm. The statistics are those at the start; empty: none. Where there is an `earlier`
/// batch [n,C], it is seen before the call, once in training and then once more in evaluation,
/// without gamma and beta: what it leaves behind in the statistics, the call shows.
struct BatchNormArguments {
  BatchNormSpec spec;
  std::vector<double> running_mean = {}, running_variance = {};
  Tensor earlier = {};
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

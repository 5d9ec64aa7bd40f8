#pragma once
// What the samples of the op table hold in OpSample::arguments, where it is not an op's own spec.
#include <cstdint>
#include <vector>

#include "autograd/ops/batch_norm.h"
#include "autograd/ops/upsample.h"
#include "tensor/random.h"
#include "tensor/tensor.h"

namespace pixelgrad {

/// Of clamp.
struct ClampArguments {
  double lowest, highest;
};

/// Of softplus.
struct SoftplusArguments {
  double beta, threshold;
};

/// Of dropout and dropout2d, in training.
struct DropoutArguments {
  double p;
  RandomKey key;
};

/// Of where.
struct WhereArguments {
  Shape shape;
  std::vector<uint8_t> condition;
};

/// Of a reduction over axes. (One over everything that takes no axes has no arguments.)
struct ReductionArguments {
  std::vector<int> axes;
  bool keepdim = false;
};

/// Of ops that take a size in pixels: adaptive pooling, center_crop2d.
struct SizeArguments {
  int64_t height, width;
};

/// Of upsample.
struct UpsampleArguments {
  int64_t height, width;
  UpsampleSpec spec;
};

/// Of upsample_scale.
struct UpsampleScaleArguments {
  int64_t factor;
  UpsampleSpec spec;
};

/// Of concat, of the inputs or of the only input with itself.
struct ConcatArguments {
  int axis = -1;
  bool twice = false;
};

/// Of slice.
struct SliceArguments {
  int axis;
  int64_t start, stop, step;
};

/// Of crop2d.
struct CropArguments {
  int64_t top, left, height, width;
};

/// Of batch_norm. The statistics are those at the start; empty: none. Where there is an `earlier`
/// batch [n,C], it is seen before the call, once in training and then once more in evaluation,
/// without gamma and beta: what it leaves behind in the statistics, the call shows.
struct BatchNormArguments {
  BatchNormSpec spec;
  std::vector<double> running_mean = {}, running_variance = {};
  Tensor earlier = {};
};

/// Of batch_norm_act, whose residual, where there is one, is the last input. With times_x the value
/// is not y but y x, for which y must be computed again in the backward.
struct BatchNormActArguments {
  BatchNormArguments norm = {};
  Activation activation = Activation::none;
  bool residual = false;
  bool times_x = false;
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

#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

// Norms that look at one sample at a time, so that they compute the same in training and in
// evaluation and with any batch size. Each is y = gamma (x - mean) / sqrt(variance + eps) + beta
// with the mean and the biased variance of a group of values; gamma and beta may be undefined (1
// and 0), and are of x's dtype. A group of one value has variance 0: y is beta there.

struct GroupNormSpec {
  int64_t groups = 32;  ///< must divide the channels
  double eps = 1e-5;    ///< added to the variance
};

/// Group normalisation (Wu and He, "Group normalization", ECCV 2018, equation 7). x [N,...,C]; a
/// group is one sample's values in C / groups channels that follow each other. gamma and beta [C].
/// Keeps x, gamma and the statistics.
Tensor group_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                  const GroupNormSpec& spec = {});

struct InstanceNormSpec {
  double eps = 1e-5;  ///< added to the variance
};

/// Instance normalisation (Ulyanov, Vedaldi and Lempitsky, "Instance normalization: the missing
/// ingredient for fast stylization", 2016): group_norm with a group for each channel. x [N,...,C],
/// gamma and beta [C]. Keeps x, gamma and the statistics.
Tensor instance_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                     const InstanceNormSpec& spec = {});

struct LayerNormSpec {
  int64_t dims = 1;   ///< how many dimensions a group spans, from the last
  double eps = 1e-5;  ///< added to the variance
};

/// Layer normalisation (Ba, Kiros and Hinton, "Layer normalization", 2016, equation 3) over the
/// last `dims` dimensions of x; with 1, over the channels of each pixel. gamma and beta have the
/// shape of these dimensions: a value has its own. Keeps x, gamma and the statistics.
Tensor layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                  const LayerNormSpec& spec = {});

}  // namespace pixelgrad

#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

struct BatchNormSpec {
  double momentum = 0.1;  ///< weight of the new batch in the running statistics (Keras: 0.01)
  double eps = 1e-5;      ///< added to the variance (Keras: 1e-3)
  bool training = true;   ///< normalise by the batch's statistics, else by the running ones
};

/// Batch normalisation (Ioffe and Szegedy 2015) over all dimensions but the last: y = gamma (x -
/// mean) / sqrt(variance + eps) + beta with gamma, beta, running_mean and running_variance [C],
/// each of x's dtype. gamma and beta may be undefined (1 and 0).
///
/// In training, mean and biased variance are the batch's, and where the running statistics are
/// defined they are updated in place: running = (1 - momentum) running + momentum batch, with the
/// unbiased variance n / (n - 1), as PyTorch does. A channel of one value is allowed, unlike there:
/// its variance is 0 and y is beta. In evaluation the running statistics are constants.
/// Keeps x, gamma and the statistics.
Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, Tensor running_mean,
                  Tensor running_variance, const BatchNormSpec& spec = {});

}  // namespace pixelgrad

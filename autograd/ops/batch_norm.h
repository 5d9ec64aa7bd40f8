#pragma once
#include "autograd/graph.h"
#include "autograd/ops/activation.h"

namespace pixelgrad {

struct BatchNormSpec {
  double momentum = 0.1;  ///< weight of the new batch in the running statistics (Keras: 0.01)
  double eps = 1e-5;      ///< added to the variance (Keras: 1e-3)
  bool training = true;   ///< normalise by the batch's statistics, else by the running ones
};

/// Batch normalisation (Ioffe and Szegedy, ICML 2015, algorithm 1) over all dimensions but the
/// last: y = gamma (x - mean) / sqrt(variance + eps) + beta with gamma, beta, running_mean and
/// running_variance [C], each of x's dtype. gamma and beta may be undefined (1 and 0).
///
/// In training, mean and biased variance are the batch's, and where the running statistics are
/// defined they are updated in place: running = (1 - momentum) running + momentum batch, with the
/// unbiased variance n / (n - 1), as PyTorch does. A channel of one value (N H W = 1) is allowed,
/// unlike there: its variance is 0, y is beta, x gets no gradient, and the running variance moves
/// towards 0.
///
/// With training = false the running statistics are constants, and stay as they are. That is
/// evaluation, and also a frozen batch norm inside a network that trains (fine-tuning with batches
/// too small to take statistics from): x, gamma and beta get their gradients.
/// Keeps x, gamma, beta and the statistics; an op that reads y keeps how to compute it from those.
Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, Tensor running_mean,
                  Tensor running_variance, const BatchNormSpec& spec = {});

/// activation(batch_norm(x) + residual) in one pass after the statistics, with the same bits as the
/// three ops; residual [as x] may be undefined (0).
///
/// Between forward and backward x, gamma, beta, the residual and the statistics are kept, but
/// neither the normalised values nor y: an op that reads y computes it again (autograd/saved.h),
/// and the backward tells from the value before the activation, which it rebuilds with the bits
/// that it had in the forward, where a ReLU cut it off. As with relu, what is cut off gets no
/// gradient, nor does a value of exactly 0; a NaN stays a NaN. (In-place activated batch norm, Rota
/// Bulo, Porzi and Kontschieder, CVPR 2018, saves as much by inverting the activation; that needs
/// one that can be inverted.)
Tensor batch_norm_act(const Tensor& x, const Tensor& gamma, const Tensor& beta, Tensor running_mean,
                      Tensor running_variance, const BatchNormSpec& spec, Activation activation,
                      const Tensor& residual = {});

}  // namespace pixelgrad

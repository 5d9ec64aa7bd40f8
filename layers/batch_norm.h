#pragma once
#include "autograd/ops/batch_norm.h"
#include "layers/layer.h"

namespace pixelgrad {

/// Batch normalization over N, H and W of each channel (Ioffe and Szegedy, ICML 2015).
/// [N,H,W,C] -> [N,H,W,C]. In training with the batch's mean and variance, which also move the
/// running ones by `momentum` (PyTorch's sense: the weight of the new; the variance stored is the
/// unbiased one); in evaluation with the running ones. Frozen, it uses the running ones in training
/// too and leaves them as they are, for fine-tuning with batches too small to take statistics from;
/// weight and bias still have gradients.
/// Parameters: weight (ones), bias (zeros). Buffers: running_mean, running_var,
/// num_batches_tracked (an i64 scalar).
class BatchNorm2d : public Layer {
 public:
  struct Options {
    int64_t channels = 1;
    double eps = 1e-5;
    double momentum = 0.1;
    bool frozen = false;
  };

  /// Throws UsageError when an option is out of range.
  explicit BatchNorm2d(Options options);
  Tensor forward(const Tensor& x) override;
  /// activation(forward(x) + residual) as one op (batch_norm_act); residual [as x] or undefined.
  Tensor forward(const Tensor& x, Activation activation, const Tensor& residual);
  std::string describe() const override;

  /// Whether forward takes the statistics of its batch: in training, unless frozen.
  bool takes_statistics() const { return training() && !options_.frozen; }

  /// What it does where it does not: y = scale x + shift, each [channels] of f64, without gradient.
  struct Affine {
    Tensor scale, shift;
  };
  Affine affine() const;

  const Options& options() const { return options_; }
  /// Freezes the running statistics, or lets them move again.
  void freeze(bool on = true) { options_.frozen = on; }

 private:
  /// Of a forward that begins now.
  BatchNormSpec next_spec();

  Options options_;
  Tensor weight_, bias_, running_mean_, running_var_, num_batches_tracked_;
};

}  // namespace pixelgrad

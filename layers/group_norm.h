#pragma once
#include "layers/layer.h"

// Norms that look at one image at a time: the same in training and in evaluation, and for any batch
// size, so they have no running statistics. Names and defaults are PyTorch's. Each keeps the shape.
// With `affine` there are two parameters, weight (ones) and bias (zeros).
namespace pixelgrad {

/// Group normalization (Wu and He, ECCV 2018): by the mean and variance of each image's groups of
/// channels / groups channels that follow each other. [N,...,C] -> [N,...,C].
class GroupNorm : public Layer {
 public:
  struct Options {
    int64_t groups = 32;
    int64_t channels = 32;
    double eps = 1e-5;
    bool affine = true;
  };

  /// Throws UsageError when an option is out of range or the groups do not divide the channels.
  explicit GroupNorm(Options options);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

  const Options& options() const { return options_; }

 private:
  Options options_;
  Tensor weight_, bias_;
};

/// Instance normalization (Ulyanov et al., 2016): by the mean and variance of each image's
/// channels. [N,...,C] -> [N,...,C].
class InstanceNorm2d : public Layer {
 public:
  struct Options {
    int64_t channels = 1;
    double eps = 1e-5;
    bool affine = false;
  };

  /// Throws UsageError when an option is out of range.
  explicit InstanceNorm2d(Options options);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

  const Options& options() const { return options_; }

 private:
  Options options_;
  Tensor weight_, bias_;
};

/// Layer normalization (Ba et al., 2016) over the last dimensions, whose sizes are `shape`: {C} for
/// the channels of each pixel. weight and bias have this shape.
class LayerNorm : public Layer {
 public:
  struct Options {
    Shape shape = {1};
    double eps = 1e-5;
    bool affine = true;
  };

  /// Throws UsageError when an option is out of range.
  explicit LayerNorm(Options options);
  /// Throws Error unless x ends with the dimensions `shape`.
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

  const Options& options() const { return options_; }

 private:
  Options options_;
  Tensor weight_, bias_;
};

}  // namespace pixelgrad

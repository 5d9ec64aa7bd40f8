#pragma once
#include "autograd/ops/pool.h"
#include "layers/layer.h"

// Pooling as layers, for a Sequential; elsewhere call the functions.
namespace pixelgrad {

/// max_pool2d: [N,H,W,C] -> [N,H',W',C].
class MaxPool2d : public Layer {
 public:
  using Options = MaxPool2dSpec;

  explicit MaxPool2d(Options options = {}) : options_(options) {}
  Tensor forward(const Tensor& x) override { return max_pool2d(x, options_); }
  std::string describe() const override;

 private:
  Options options_;
};

/// avg_pool2d: [N,H,W,C] -> [N,H',W',C].
class AvgPool2d : public Layer {
 public:
  using Options = AvgPool2dSpec;

  explicit AvgPool2d(Options options = {}) : options_(options) {}
  Tensor forward(const Tensor& x) override { return avg_pool2d(x, options_); }
  std::string describe() const override;

 private:
  Options options_;
};

/// adaptive_avg_pool2d: [N,H,W,C] -> [N,height,width,C].
class AdaptiveAvgPool2d : public Layer {
 public:
  struct Options {
    int64_t height = 1, width = 1;
  };

  /// Throws UsageError when a size is less than 1.
  explicit AdaptiveAvgPool2d(Options options);
  Tensor forward(const Tensor& x) override {
    return adaptive_avg_pool2d(x, options_.height, options_.width);
  }
  std::string describe() const override;

 private:
  Options options_;
};

/// global_avg_pool2d: [N,H,W,C] -> [N,1,1,C].
class GlobalAvgPool2d : public Layer {
 public:
  Tensor forward(const Tensor& x) override { return global_avg_pool2d(x); }
  std::string describe() const override { return "GlobalAvgPool2d"; }
};

}  // namespace pixelgrad

#pragma once
#include "layers/init.h"
#include "layers/layer.h"

namespace pixelgrad {

/// x weight^T + bias: [...,in_features] -> [...,out_features].
/// Parameters: weight [out_features,in_features], bias [out_features].
class Linear : public Layer {
 public:
  struct Options {
    int64_t in_features = 1, out_features = 1;
    bool bias = true;
    Init init = Init::pytorch_default;
  };

  /// Throws UsageError when a size is less than 1.
  explicit Linear(Options options);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

  const Options& options() const { return options_; }
  const Tensor& weight() const { return weight_; }
  const Tensor& bias() const { return bias_; }  ///< undefined without bias

 private:
  Options options_;
  Tensor weight_, bias_;
};

}  // namespace pixelgrad

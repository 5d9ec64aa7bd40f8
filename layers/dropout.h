#pragma once
#include "layers/layer.h"

namespace pixelgrad {

/// In training zeroes each element with probability p and divides the others by 1 - p (Srivastava
/// et al., JMLR 2014); in evaluation nothing. What is dropped depends on the StepScope's seed and
/// step and on this layer's path.
class Dropout : public Layer {
 public:
  struct Options {
    double p = 0.5;
  };

  /// Throws UsageError unless 0 <= p < 1.
  explicit Dropout(Options options);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

 private:
  double p_;
};

/// Dropout of whole channels of an image [N,H,W,C] (Tompson et al., CVPR 2015), for inputs whose
/// neighbouring pixels are alike: one draw for each of the N * C channels.
class Dropout2d : public Layer {
 public:
  using Options = Dropout::Options;

  /// Throws UsageError unless 0 <= p < 1.
  explicit Dropout2d(Options options);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

 private:
  double p_;
};

}  // namespace pixelgrad

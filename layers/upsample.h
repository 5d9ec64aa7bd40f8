#pragma once
#include "autograd/ops/shape.h"
#include "autograd/ops/upsample.h"
#include "layers/layer.h"

// Larger images as layers, for a Sequential; elsewhere call the functions.
namespace pixelgrad {

/// upsample_scale: [N,H,W,C] -> [N,H scale_factor,W scale_factor,C].
class Upsample : public Layer {
 public:
  struct Options {
    int64_t scale_factor = 2;
    UpsampleMode mode = UpsampleMode::nearest;
    bool align_corners = false;  ///< not for nearest
  };

  /// Throws UsageError when the factor is less than 1 or align_corners goes with nearest.
  explicit Upsample(Options options);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

 private:
  Options options_;
};

/// pixel_shuffle: [N,H,W,C r r] -> [N,H r,W r,C] with r = upscale_factor.
class PixelShuffle : public Layer {
 public:
  struct Options {
    int64_t upscale_factor = 2;
  };

  /// Throws UsageError when the factor is less than 1.
  explicit PixelShuffle(Options options);
  Tensor forward(const Tensor& x) override { return pixel_shuffle(x, options_.upscale_factor); }
  std::string describe() const override;

 private:
  Options options_;
};

}  // namespace pixelgrad

#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

enum class UpsampleMode : uint8_t { nearest, bilinear };

struct UpsampleSpec {
  UpsampleMode mode = UpsampleMode::nearest;
  bool align_corners = false;  ///< bilinear only: corner pixels keep their place
};

/// [N,H,W,C] -> [N,out_h,out_w,C], larger or smaller, by PyTorch's rules: nearest copies input
/// pixel floor(i * in / out); bilinear without align_corners reads at (i + 1/2) in / out - 1/2,
/// clamped to the image, with it at i (in - 1) / (out - 1). No antialiasing. Keeps nothing.
Tensor upsample(const Tensor& x, int64_t out_h, int64_t out_w, const UpsampleSpec& spec = {});

/// upsample to `factor` times the height and width.
Tensor upsample_scale(const Tensor& x, int64_t factor = 2, const UpsampleSpec& spec = {});

}  // namespace pixelgrad

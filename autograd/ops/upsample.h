#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

enum class UpsampleMode : uint8_t { nearest, bilinear, bicubic };

struct UpsampleSpec {
  UpsampleMode mode = UpsampleMode::nearest;
  bool align_corners = false;  ///< corner pixels keep their place; not for nearest
};

/// [N,H,W,C] -> [N,out_h,out_w,C], larger or smaller, by PyTorch's rules. nearest copies input
/// pixel floor(i * in / out). bilinear and bicubic (Keys 1981, a = -3/4) read at (i + 1/2) in / out
/// - 1/2, with align_corners at i (in - 1) / (out - 1). At the edges bilinear clamps that position
/// to the image, and bicubic repeats the pixels of the edge. No antialiasing. Keeps nothing.
Tensor upsample(const Tensor& x, int64_t out_h, int64_t out_w, const UpsampleSpec& spec = {});

/// upsample to `factor` times the height and width.
Tensor upsample_scale(const Tensor& x, int64_t factor = 2, const UpsampleSpec& spec = {});

}  // namespace pixelgrad

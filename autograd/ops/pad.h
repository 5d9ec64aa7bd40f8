#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

/// What stands in the padding.
enum class PadMode : uint8_t {
  constant,   ///< a value
  reflect,    ///< the image mirrored, without its edge: 2 1 [0 1 2] 1 0
  replicate,  ///< the nearest pixel of the edge: 0 0 [0 1 2] 2 2
};

/// Pixels added on each side, in the order of PyTorch's F.pad; negative ones are cut off.
struct Pad2dSpec {
  int64_t left = 0, right = 0, top = 0, bottom = 0;
  PadMode mode = PadMode::constant;
  double value = 0;  ///< of constant
};

/// [N,H,W,C] -> [N,H + top + bottom,W + left + right,C]. reflect must add less than the image has
/// along an axis. What is left must have at least one pixel. Keeps nothing.
Tensor pad2d(const Tensor& x, const Pad2dSpec& spec);

}  // namespace pixelgrad

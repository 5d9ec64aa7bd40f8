#pragma once
#include <vector>

#include "autograd/graph.h"

namespace pixelgrad {

/// Joins tensors along the last dimension, the channels: [...,C0], [...,C1] -> [...,C0+C1]. All
/// other sizes must agree. Keeps nothing.
Tensor concat(const std::vector<Tensor>& parts);

}  // namespace pixelgrad

#pragma once
#include <vector>

#include "autograd/graph.h"

namespace pixelgrad {

/// Joins tensors along `axis`, which is the channels unless said otherwise: [...,C0], [...,C1] ->
/// [...,C0+C1]. A negative axis counts from the back. All other sizes must agree. Keeps nothing.
Tensor concat(const std::vector<Tensor>& parts, int axis = -1);

}  // namespace pixelgrad

#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

/// Mean of (x - target)^2 over all elements, as a scalar; both of one shape and dtype. Keeps both.
Tensor mse(const Tensor& x, const Tensor& target);

}  // namespace pixelgrad

#pragma once
#include "autograd/graph.h"

// Mean distances between values and targets of one shape and dtype, as a scalar. Both have
// gradients, and both are kept.
namespace pixelgrad {

/// Mean of (x - target)^2 over all elements.
Tensor mse(const Tensor& x, const Tensor& target);

/// Mean of |x - target| over all elements. The gradient where they are equal is 0.
Tensor l1(const Tensor& x, const Tensor& target);

}  // namespace pixelgrad

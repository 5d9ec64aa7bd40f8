#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

/// Sum of all elements, as a scalar; added up in f64, in an order that depends on the shape alone.
/// Keeps nothing.
Tensor sum(const Tensor& x);

/// Mean of all elements, as a scalar. x must not be empty. Keeps nothing.
Tensor mean(const Tensor& x);

}  // namespace pixelgrad

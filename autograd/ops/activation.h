#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

/// max(x, 0), of any shape. The gradient at 0 is 0. Keeps its output for the backward.
Tensor relu(const Tensor& x);

/// x where x > 0, else slope * x. Keeps its output for the backward, and so needs slope >= 0: only
/// then does the output tell the sign of x.
Tensor leaky_relu(const Tensor& x, double slope = 0.01);

/// 1 / (1 + exp(-x)), for any x without overflow. Keeps its output for the backward.
Tensor sigmoid(const Tensor& x);

}  // namespace pixelgrad

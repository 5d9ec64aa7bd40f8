#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

/// x - log sum exp(x) over the last dimension, [...,K] -> [...,K], without overflow. Keeps its
/// output.
Tensor log_softmax(const Tensor& x);

/// exp(x) / sum exp(x) over the last dimension, without overflow. Keeps its output.
Tensor softmax(const Tensor& x);

}  // namespace pixelgrad

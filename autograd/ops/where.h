#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

/// a where the condition (u8) is not 0, else b. The three shapes broadcast as in arithmetic.h; a
/// and b have one dtype. Keeps the condition.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);

}  // namespace pixelgrad

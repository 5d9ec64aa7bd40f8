#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

/// x as f32, f64 or bf16, rounded to nearest; x itself where it has that dtype already. The
/// gradient is cast back. Keeps nothing.
Tensor cast(const Tensor& x, Dtype dtype);

}  // namespace pixelgrad

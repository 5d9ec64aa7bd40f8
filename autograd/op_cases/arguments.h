#pragma once
// What the samples of the op table hold in OpSample::arguments, where it is not an op's own spec.
#include <cstdint>
#include <vector>

#include "tensor/random.h"
#include "tensor/tensor.h"

namespace pixelgrad {

/// Of clamp.
struct ClampArguments {
  double lowest, highest;
};

/// Of softplus.
struct SoftplusArguments {
  double beta, threshold;
};

/// Of dropout and dropout2d, in training.
struct DropoutArguments {
  double p;
  RandomKey key;
};

/// Of where.
struct WhereArguments {
  Shape shape;
  std::vector<uint8_t> condition;
};

/// Of a reduction over axes. (One over everything that takes no axes has no arguments.)
struct ReductionArguments {
  std::vector<int> axes;
  bool keepdim = false;
};

}  // namespace pixelgrad

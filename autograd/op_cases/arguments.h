#pragma once
// What the samples of the op table hold in OpSample::arguments, where it is not an op's own spec.
#include "tensor/tensor.h"

namespace pixelgrad {}  // namespace pixelgrad

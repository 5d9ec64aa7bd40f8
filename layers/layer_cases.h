#pragma once
#include <vector>

#include "autograd/op_cases.h"

namespace pixelgrad {

/// Every layer as cases of the gradient checker (see module_sample), in training mode.
const std::vector<OpCase>& layer_cases();

}  // namespace pixelgrad

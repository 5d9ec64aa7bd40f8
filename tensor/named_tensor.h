#pragma once
#include <string>

#include "tensor/tensor.h"

namespace pixelgrad {

/// A tensor and what it is called: a parameter, a buffer, an optimizer's moment, an entry of a
/// weight file.
struct NamedTensor {
  std::string name;  ///< path from the module asked, as in PyTorch: "encoder.0.conv.weight"
  Tensor tensor;
};

}  // namespace pixelgrad

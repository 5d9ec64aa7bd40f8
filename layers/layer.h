#pragma once
#include "layers/module.h"

namespace pixelgrad {

/// A module from one tensor to one tensor: what Sequential can hold.
class Layer : public Module {
 public:
  virtual Tensor forward(const Tensor& x) = 0;
  Tensor operator()(const Tensor& x) { return forward(x); }
};

}  // namespace pixelgrad

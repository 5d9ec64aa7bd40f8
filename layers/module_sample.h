#pragma once
#include <functional>
#include <memory>
#include <string>

#include "autograd/op_cases.h"
#include "layers/module.h"

namespace pixelgrad {

/// A sample of the gradient checker that differentiates a module's output with respect to its input
/// (shape `x`) and all its parameters, in f64 on the CPU. `make` builds the module; weights keep
/// their first values, and parameters of one dimension (biases, gammas) are drawn from 0.2 to 0.9,
/// so that no ReLU sits at its bend and a gradient that is multiplied by one is seen. The sample
/// holds the module that inputs() made last and call() reads.
OpSample module_sample(std::string name, Shape x, std::function<std::unique_ptr<Module>()> make,
                       std::function<Tensor(Module& module, const Tensor& x)> forward);

}  // namespace pixelgrad

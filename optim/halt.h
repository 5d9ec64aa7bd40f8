#pragma once
#include "tensor/tensor.h"

namespace pixelgrad {

/// Says on the device whether training may go on, without the host waiting for it: `halted`, i32 []
/// and at first 0, becomes 1 where the loss [] or the norm of its gradients, f64 [], is not finite,
/// and stays so. An optimizer that is given it (Optimizer::step) then leaves all as it was before
/// that step, for whoever looks for the reason. Throws Error unless all three lie on one device.
void halt_unless_finite(Tensor& halted, const Tensor& loss, const Tensor& norm);

}  // namespace pixelgrad

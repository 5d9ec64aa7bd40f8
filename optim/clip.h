#pragma once
#include <span>

#include "tensor/tensor.h"

namespace pixelgrad {

/// Root of the sum of the squares of all gradients, as if they were one vector (0 for none). The
/// sum is kept in f64 and taken in a fixed order: equal bits for any number of threads. Undefined
/// tensors are skipped; the others must be of one floating dtype and on one device.
double gradient_norm(std::span<const Tensor> gradients);

/// The same, f64 [] on the gradients' device, where it is computed without the host waiting for it.
Tensor device_gradient_norm(std::span<const Tensor> gradients);

/// Pascanu et al., "On the difficulty of training recurrent neural networks", ICML 2013: scales the
/// gradients in place by min(1, max_norm / (norm + 1e-6)), as PyTorch does, and returns the norm
/// before. A norm that is not finite is returned and leaves the gradients alone, so that the caller
/// can skip the step. Throws UsageError unless max_norm > 0.
double clip_gradient_norm(std::span<Tensor> gradients, double max_norm);

/// The same, the norm before as f64 [] on the gradients' device, without the host waiting for it.
Tensor device_clip_gradient_norm(std::span<Tensor> gradients, double max_norm);

}  // namespace pixelgrad

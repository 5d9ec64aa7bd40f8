#pragma once
#include <string>

#include "tensor/device.h"
#include "tensor/kernels/target.h"

namespace pixelgrad {

/// Computes in `name`, a key of kernels::precisions(), from now on. Throws UsageError where the
/// device cannot: a CPU takes f32 and, with instructions for it, bf16.
void choose_precision(const std::string& name, Device device,
                      bool bf16_instructions = kernels::has_bf16_instructions());

}  // namespace pixelgrad

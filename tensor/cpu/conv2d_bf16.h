#pragma once
#include <span>

#include "tensor/kernels/conv2d.h"

// Convolutions of tensors that are stored as bf16, by the f32 kernels: some images at a time are
// converted into f32 and the result is rounded.
namespace pixelgrad::cpu {

void bf16_conv2d_forward(const kernels::Conv2dGeometry& g,
                         std::span<const kernels::Conv2dInput<bf16>> inputs, const float* weight,
                         const float* bias, bf16* y);

void bf16_conv2d_backward_input(const kernels::Conv2dGeometry& g, const bf16* dy,
                                const float* weight, const float* bias, bf16* dx);

void bf16_conv2d_backward_weight(const kernels::Conv2dGeometry& g, const bf16* x, const bf16* dy,
                                 float* dweight);

}  // namespace pixelgrad::cpu

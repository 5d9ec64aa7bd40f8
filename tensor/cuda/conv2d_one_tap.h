#pragma once
#include "tensor/kernels/conv2d.h"

// Convolutions of one tap as products of matrices by cuBLAS (conv2d_choice.h says which): pixels
// are rows, channels columns. The arguments are those of tensor/kernels/conv2d.h.
namespace pixelgrad::cuda {

void one_tap_forward(const kernels::Conv2dGeometry& g, kernels::Precision precision, const float* x,
                     const float* weight, const float* bias, float* y);
void one_tap_input_gradient(const kernels::Conv2dGeometry& g, kernels::Precision precision,
                            const float* dy, const float* weight, const float* bias, float* dx);
void one_tap_weight_gradient(const kernels::Conv2dGeometry& g, kernels::Precision precision,
                             const float* x, const float* dy, float* dweight);

}  // namespace pixelgrad::cuda

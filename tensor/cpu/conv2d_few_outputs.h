#pragma once
#include <span>

#include "tensor/cpu/conv2d_taps.h"

namespace pixelgrad::cpu {

/// Whether the convolutions, which together are an input gradient, have so few output channels that
/// most lanes of a vector would be empty: those of a network's first layer, or of a transposed
/// convolution that ends in an image.
bool has_few_outputs(std::span<const TapConvolution> convolutions);

/// run_taps() of such convolutions.
template <class T>
void run_few_outputs(std::span<const TapConvolution> convolutions, const T* x, const T* weight,
                     const T* bias, T* y);

}  // namespace pixelgrad::cpu

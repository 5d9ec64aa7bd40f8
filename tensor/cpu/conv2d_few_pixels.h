#pragma once
#include "tensor/cpu/conv2d_taps.h"

namespace pixelgrad::cpu {

/// Whether a convolution is a product of a matrix with very few pixels, as those behind a global
/// pooling are. Almost all of its time goes into reading the weights, once.
bool has_few_pixels(const TapConvolution& c);

/// run_taps() of such a convolution, which reads the weights where they are.
template <class T>
void run_few_pixels(const TapConvolution& c, const T* x, const T* weight, const T* bias, T* y);

/// weight_gradient() of one, which writes each value once.
template <class T>
void few_pixels_weight_gradient(const kernels::Conv2dGeometry& g, const T* x, const T* dy,
                                T* dweight);

}  // namespace pixelgrad::cpu

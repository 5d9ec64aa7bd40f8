#pragma once
#include "tensor/device.h"
#include "tensor/kernels/conv2d.h"

// A convolution and its input gradient are the same computation along each axis: pixels that are
// written read others at fixed distances, the taps. This is the only place where they differ.
namespace pixelgrad::cuda {

/// Pixels of one axis that are written, and what they read. Pixel i of `pixels` is written to
///
///     write_first + i * write_step
///
/// and adds up, for each tap t of `taps`, what it reads times the weights of one row (or column) of
/// the kernel:
///
///     i * read_stride + read_first + t * read_step    (0 outside the image)
///     weight_first + t * weight_step
struct AxisTaps {
  int pixels, write_first, write_step;
  int taps, read_stride, read_first, read_step;
  int weight_first, weight_step;
};

/// One axis of a convolution.
struct Axis {
  int in, out, kernel, stride, pad, dilation;

  /// Forward: output o reads inputs o * stride - pad + r * dilation for all r of the kernel.
  PIXELGRAD_HD AxisTaps forward() const {
    return {.pixels = out,
            .write_first = 0,
            .write_step = 1,
            .taps = kernel,
            .read_stride = stride,
            .read_first = -pad,
            .read_step = dilation,
            .weight_first = 0,
            .weight_step = 1};
  }

  /// Input gradient: turned round, input p receives from the outputs
  ///
  ///     o = (p + pad - r * dilation) / stride    for the r where the division leaves nothing.
  ///
  /// These r depend on p's phase, p % stride. All inputs of one phase, p = phase + i * stride, have
  /// the same: r = r0, r0 + step, r0 + 2 step, ... with step = stride / gcd(stride, dilation). So
  /// the inputs of a phase are a convolution of stride 1 over dy, whose taps run backwards.
  PIXELGRAD_HD AxisTaps input_gradient(int phase) const {
    int a = stride, b = dilation;
    while (b != 0) {
      const int rest = a % b;
      a = b;
      b = rest;
    }
    const int step = stride / a;
    int r0 = 0;
    while (r0 < step && (phase + pad - r0 * dilation) % stride != 0) ++r0;
    const bool read = r0 < step && r0 < kernel;  // else its inputs were never read
    return {.pixels = phase < in ? (in - phase + stride - 1) / stride : 0,
            .write_first = phase,
            .write_step = stride,
            .taps = read ? (kernel - r0 + step - 1) / step : 0,
            .read_stride = 1,
            .read_first = (phase + pad - r0 * dilation) / stride,
            .read_step = -(dilation / a),
            .weight_first = r0,
            .weight_step = step};
  }
};

PIXELGRAD_HD inline Axis rows_of(const kernels::Conv2dGeometry& g) {
  return {static_cast<int>(g.in_h),     static_cast<int>(g.out_h),
          static_cast<int>(g.kernel_h), static_cast<int>(g.stride_h),
          static_cast<int>(g.pad_top),  static_cast<int>(g.dilation_h)};
}
PIXELGRAD_HD inline Axis columns_of(const kernels::Conv2dGeometry& g) {
  return {static_cast<int>(g.in_w),     static_cast<int>(g.out_w),
          static_cast<int>(g.kernel_w), static_cast<int>(g.stride_w),
          static_cast<int>(g.pad_left), static_cast<int>(g.dilation_w)};
}

}  // namespace pixelgrad::cuda

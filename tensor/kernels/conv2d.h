#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "tensor/device.h"
#include "tensor/dtype.h"

namespace pixelgrad::kernels {

/// Sizes of a 2-d convolution. x [n, in_h, in_w, in_channels], weight [out_channels, kernel_h,
/// kernel_w, in_channels / groups], y [n, out_h, out_w, out_channels]. Output pixel (oy, ox) reads
/// input pixels (oy * stride_h - pad_top + r * dilation_h, ox * stride_w - pad_left + s *
/// dilation_w) for taps r, s; pixels outside the image are 0. What is padded at the bottom and on
/// the right follows from out_h and out_w.
struct Conv2dGeometry {
  int64_t n = 1, in_h = 1, in_w = 1, in_channels = 1;
  int64_t out_h = 1, out_w = 1, out_channels = 1;
  int64_t kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t pad_top = 0, pad_left = 0;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t groups = 1;
  /// Input channels of the weight tensor, where they are more than those that a gradient is of:
  /// that of one of several inputs. The weight and dweight then begin at the input's first channel.
  /// For 1 group; 0: in_channels / groups.
  int64_t weight_channels = 0;

  /// Values from one tap of the weight to the next.
  int64_t weight_row() const { return weight_channels ? weight_channels : in_channels / groups; }
};

/// One of the tensors [n, in_h, in_w, channels] that a convolution reads in turn, as if they were
/// concatenated along channels.
template <class T>
struct Conv2dInput {
  const T* x;
  int64_t channels;
};

/// How convolutions of 3x3 taps, stride 1 and dilation 1 are computed on a CPU: by the definition,
/// by Winograd's F(2x2, 3x3), which takes 4 multiplications where the definition has 9, or by the
/// one that is faster for the shape. Others are always direct; so are all in f64 unless Winograd is
/// asked for.
enum class ConvAlgorithm { automatic, direct, winograd };

/// By the names that options have for them: auto, direct, winograd.
const std::map<std::string, ConvAlgorithm>& conv_algorithms();

/// For all convolutions from now on. Results of the two differ by rounding.
void set_conv_algorithm(ConvAlgorithm algorithm);
ConvAlgorithm conv_algorithm();

/// What networks compute in. With bf16 segmentation networks store activations and their gradients
/// as that (models/model.h). Multiplicands of convolutions and matrix products that are stored as
/// f32 are rounded on a GPU: to TF32 with 10 bits of mantissa instead of 23, or to bfloat16 with 7,
/// which tensor cores multiply several times as fast. Sums are f32 in any case. GPUs before compute
/// capability 8.0 round nothing stored as f32, nor do depthwise convolutions, f64 and CPUs.
enum class Precision { f32, tf32, bf16 };

/// By the names that options have for them: f32, tf32, bf16.
const std::map<std::string, Precision>& precisions();

/// For all convolutions from now on; f32 at first.
void set_precision(Precision precision);
Precision precision();

// Below T is f32, f64, or bf16, in which inputs, outputs and their gradients are stored. Weights,
// biases and their gradients are f32 then; what is multiplied are the weights rounded to bf16. Sums
// and the bias are added in f32, and an output is rounded once.

/// y = conv(inputs, weight) + bias; bias [out_channels] or null. Overwrites y. The inputs have
/// g.in_channels channels together; with groups there is one.
template <Device D, class T>
void conv2d_forward(const Conv2dGeometry& g, std::span<const Conv2dInput<T>> inputs,
                    const compute_t<T>* weight, const compute_t<T>* bias, T* y);

/// The same of one input x.
template <Device D, class T>
void conv2d_forward(const Conv2dGeometry& g, const T* x, const compute_t<T>* weight,
                    const compute_t<T>* bias, T* y) {
  const Conv2dInput<T> input{x, g.in_channels};
  conv2d_forward<D, T>(g, {&input, 1}, weight, bias, y);
}

/// dx [n, in_h, in_w, in_channels] = the transposed convolution of dy [n, out_h, out_w,
/// out_channels]: dx[i] = sum over taps and outputs that read i. Adds bias [in_channels] where not
/// null (the forward of conv_transpose2d). Overwrites dx.
template <Device D, class T>
void conv2d_backward_input(const Conv2dGeometry& g, const T* dy, const compute_t<T>* weight,
                           const compute_t<T>* bias, T* dx);

/// dweight [out_channels, kernel_h, kernel_w, in_channels / groups] = sum over pixels of dy times
/// the input pixel that the tap reads. Overwrites dweight.
template <Device D, class T>
void conv2d_backward_weight(const Conv2dGeometry& g, const T* x, const T* dy,
                            compute_t<T>* dweight);

/// dbias [channels] = sum of dy [pixels, channels] over pixels. Overwrites dbias.
template <Device D, class T>
void sum_over_pixels(int64_t pixels, int64_t channels, const T* dy, compute_t<T>* dbias);

}  // namespace pixelgrad::kernels

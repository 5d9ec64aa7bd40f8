#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "tensor/cpu/conv2d_taps.h"

// 3x3 convolutions of stride 1 by Winograd's minimal filtering F(2x2, 3x3); Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", CVPR 2016, section 4. A tile of 2x2 outputs reads
// 4x4 inputs d and costs 16 multiplications for each pair of channels where the definition has 36:
//
//     y = A' [ (G g G') o (B' d B) ] A             o: element by element, ': transposed
//
//          1  0 -1  0            1    0    0
//     B' = 0  1  1  0       G = 1/2  1/2  1/2      A' = 1  1  1  0
//          0 -1  1  0           1/2 -1/2  1/2           0  1 -1 -1
//          0  1  0 -1            0    0    1
//
// The sum over input channels moves inside the bracket: for each of the 16 points a matrix product
// of [tiles, input channels] by [input channels, output channels]. The input gradient is a
// convolution of the same kind, and of the weight the gradient is
//
//     dg = G' [ sum over tiles (B' d B) o (A dy A') ] G
//
// B holds only 0 and 1, G halves: whole numbers stay exact, and few digits are lost. A NaN or an
// infinity in one input reaches all outputs of the tiles that read it.
namespace pixelgrad::cpu {

/// A convolution whose taps are a 3x3 square of neighbouring pixels.
struct WinogradTaps {
  int64_t dy, dx;                                      ///< the first tap
  std::array<std::array<int64_t, 3>, 3> weight_begin;  ///< of tap (r, s), as Tap::weight
};

/// The taps of `c`, where it is of stride 1 and they form such a square.
std::optional<WinogradTaps> winograd_taps(const TapConvolution& c);

/// Computes what run_taps() computes, for a convolution that has winograd_taps().
template <class T>
void run_winograd(const TapConvolution& c, const WinogradTaps& taps, std::span<const T* const> x,
                  const T* weight, const T* bias, T* y);

/// Computes what weight_gradient() computes, for a 3x3 convolution of stride 1 and dilation 1.
template <class T>
void winograd_weight_gradient(const kernels::Conv2dGeometry& g, const T* x, const T* dy,
                              T* dweight);

}  // namespace pixelgrad::cpu

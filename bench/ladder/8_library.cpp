// For reference: the library's own kernels (tensor/kernels/conv2d.h), followed by the same second
// pass as rungs 1 to 6.
//
// `library` is the method of rung 6 (tensor/cpu/conv2d_tap_kernel.cpp). It has larger tiles where
// there are 32 registers, 14 pixels x 2 vectors; tiles inside the image read a row of taps as one
// piece of memory, without a pointer for each pixel; tiles of short rows run on into the next row.
// And it takes any kernel, stride, dilation and number of groups.
//
// `winograd` leaves the method: four output pixels take 16 products where the definition has 36,
// for some additions before and after (tensor/cpu/conv2d_winograd.cpp). GFLOP/s are counted as if
// it had done them all, so that rates compare as times do; they may pass the machine's peak.
#include "bench/ladder/ladder.h"
#include "tensor/kernels/conv2d.h"

namespace pixelgrad::ladder {
namespace {

void convolve(const Layer& l, kernels::ConvAlgorithm algorithm) {
  const kernels::Conv2dGeometry geometry{.n = l.batch,
                                         .in_h = l.height,
                                         .in_w = l.width,
                                         .in_channels = l.in,
                                         .out_h = l.height,
                                         .out_w = l.width,
                                         .out_channels = l.out,
                                         .kernel_h = 3,
                                         .kernel_w = 3,
                                         .pad_top = 1,
                                         .pad_left = 1};
  kernels::set_conv_algorithm(algorithm);
  kernels::conv2d_forward<Device::cpu>(geometry, l.x, l.weight, static_cast<const float*>(nullptr),
                                       l.y);
}

}  // namespace

void library(const Layer& layer) { convolve(layer, kernels::ConvAlgorithm::direct); }
void winograd(const Layer& layer) { convolve(layer, kernels::ConvAlgorithm::winograd); }

}  // namespace pixelgrad::ladder

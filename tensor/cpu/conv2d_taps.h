#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/kernels/conv2d.h"

namespace pixelgrad::cpu {

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// One tap of a kernel: grid pixel (i, j) reads input pixel (i * stride_h + dy, j * stride_w + dx).
struct Tap {
  int64_t dy, dx;
  int64_t weight;  ///< where the tap's weights begin, in values from the weight's start
};

/// Some of a convolution's input channels: those of one tensor.
struct Source {
  int64_t channels;
  int64_t pixel;  ///< values from one pixel of the tensor to the next
};

/// A convolution told as a list of taps over a grid of output pixels:
///
///     y[image, i, j, co] = bias[co]
///         + sum over taps, ci of x[image, i * stride_h + dy, j * stride_w + dx, ci] * w[tap, ci,
///         co]
///
/// where input pixels outside the image are 0, and x has the channels of the sources one after the
/// other. It is one group of a convolution, or one phase of an input gradient: the outputs (py + i
/// * stride, px + j * stride) of a strided convolution's input gradient are again a convolution of
/// stride 1, over the taps that hit this phase.
struct TapConvolution {
  int64_t images, rows, cols;         ///< the grid
  int64_t in_h, in_w;                 ///< input pixels
  int64_t stride_h, stride_w;         ///< input pixels from one grid pixel to the next
  int64_t in_channels, out_channels;  ///< of one group
  std::vector<Source> sources;        ///< where the input channels are
  int64_t y_offset;                   ///< values from y's start to grid pixel (0, 0)
  int64_t y_image, y_row, y_pixel;    ///< values from one image, grid row, grid pixel to the next
  int64_t weight_in, weight_out;      ///< values from one input, output channel to the next
  std::vector<Tap> taps;
  int64_t joined = 1;  ///< pixels of y that count as one: the bias repeats so often
};

/// The forward of one group of `g`. Of group k, x begins at channel k * in_channels, y at channel
/// k * out_channels, and the weight at output channel k * out_channels.
TapConvolution forward_taps(const kernels::Conv2dGeometry& g);

/// The input gradient of one group of `g`, one convolution for each phase (stride_h * stride_w).
std::vector<TapConvolution> input_gradient_taps(const kernels::Conv2dGeometry& g);

/// Joins convolutions that write neighbouring pixels of y from the same pixels of x, as the phases
/// of a transposed convolution whose kernel is as wide as its stride do: their output channels, one
/// after the other, are those of one convolution, which reads x once.
std::vector<TapConvolution> join_neighbours(std::span<const TapConvolution> phases);

/// Computes the convolutions, which all read x, a pointer for each of their sources, and weight,
/// and write disjoint parts of y. bias [out_channels] or null. Sums over taps in their order, then
/// over input channels in blocks.
template <class T>
void run_taps(std::span<const TapConvolution> convolutions, std::span<const T* const> x,
              const T* weight, const T* bias, T* y);

/// The same where every channel is a group of its own (depthwise): reads and writes all channels of
/// the only source, whose weights [channel][kernel_taps] are neighbours.
template <class T>
void run_depthwise_taps(std::span<const TapConvolution> convolutions, int64_t kernel_taps,
                        const T* x, const T* weight, const T* bias, T* y);

/// dweight of one group of `g`; x, dy and dweight begin at the group's first channel.
template <class T>
void weight_gradient(const kernels::Conv2dGeometry& g, const T* x, const T* dy, T* dweight);

/// dweight [channels, kernel_h, kernel_w, 1] where every channel is a group of its own.
template <class T>
void depthwise_weight_gradient(const kernels::Conv2dGeometry& g, const T* x, const T* dy,
                               T* dweight);

}  // namespace pixelgrad::cpu

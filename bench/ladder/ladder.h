#pragma once
#include <cstdint>
#include <span>

// A ladder of convolutions that all compute the same, each faster than the one before by one idea.
// README.md tells it as a lesson.
namespace pixelgrad::ladder {

struct Sizes {
  int64_t batch = 1, height = 64, width = 64, in = 64, out = 64;

  /// Multiplications and additions of the convolution; only taps inside the image count.
  double flops() const {
    const int64_t rows = 3 * height - 2, cols = 3 * width - 2;
    return 2.0 * static_cast<double>(batch * rows * cols) * static_cast<double>(in * out);
  }
};

/// One layer of a network, y = relu(scale conv(x, weight) + shift): a 3x3 convolution of stride 1
/// and padding 1, a scale and a shift for each channel (a batch norm in evaluation), ReLU.
/// x [batch, height, width, in], weight [out, 3, 3, in], scale and shift [out], y [batch, height,
/// width, out]. A row or column is inside the image or reads as 0.
struct Layer : Sizes {
  const float *x, *weight, *scale, *shift;
  float* y;

  bool row_inside(int64_t row) const { return row >= 0 && row < height; }
  bool col_inside(int64_t col) const { return col >= 0 && col < width; }
  /// The channels of one pixel.
  const float* input(int64_t n, int64_t row, int64_t col) const {
    return x + ((n * height + row) * width + col) * in;
  }
  float* output(int64_t n, int64_t row, int64_t col) const {
    return y + ((n * height + row) * width + col) * out;
  }
};

/// y = conv(x, weight).
void naive(const Layer& layer);
void reordered(const Layer& layer);
void tiled(const Layer& layer);
void vector(const Layer& layer);
void packed(const Layer& layer);
void threads(const Layer& layer);
void library(const Layer& layer);
void winograd(const Layer& layer);
/// y = relu(scale conv(x, weight) + shift).
void fused(const Layer& layer);

struct Rung {
  const char* name;
  const char* idea;
  void (*run)(const Layer& layer);
  bool simd = false;  ///< does all products as multiply-adds in the vectors that the peak is of
  bool all_threads = false;
  bool fused = false;  ///< run() computes the whole layer, not only its convolution

  /// The whole layer.
  void operator()(const Layer& layer) const;
};

/// From the bottom to the top.
std::span<const Rung> rungs();

}  // namespace pixelgrad::ladder

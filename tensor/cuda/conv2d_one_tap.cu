#include "tensor/cuda/conv2d_one_tap.h"

#include "tensor/cuda/gemm.h"
#include "tensor/cuda/launch.h"

namespace pixelgrad::cuda {
namespace {

/// All rows of y [n / columns, columns] become `row`.
__global__ void fill_rows_kernel(int64_t n, int64_t columns, const float* row, float* y) {
  const int64_t i = thread_number();
  if (i < n) y[i] = row[i % columns];
}

/// y [pixels, channels] = a b + bias, where the bias is null or [channels].
void multiply(const char* op, kernels::Precision precision, int64_t pixels, int64_t channels,
              int64_t depth, const Matrix& a, const Matrix& b, const float* bias, float* y) {
  if (bias)
    launch(op, one_thread_each(pixels * channels), fill_rows_kernel, pixels * channels, channels,
           bias, y);
  gemm(op, precision, pixels, channels, depth, a, b, bias ? 1.0f : 0.0f, y, channels);
}

int64_t pixels(const kernels::Conv2dGeometry& g) { return g.n * g.in_h * g.in_w; }

}  // namespace

// y [pixels, out] = x [pixels, in] weight [out, in]^T + bias
void one_tap_forward(const kernels::Conv2dGeometry& g, kernels::Precision precision, const float* x,
                     const float* weight, const float* bias, float* y) {
  multiply("conv2d_forward", precision, pixels(g), g.out_channels, g.in_channels,
           {x, g.in_channels}, {weight, g.weight_row(), true}, bias, y);
}

// dx [pixels, in] = dy [pixels, out] weight [out, in] + bias
void one_tap_input_gradient(const kernels::Conv2dGeometry& g, kernels::Precision precision,
                            const float* dy, const float* weight, const float* bias, float* dx) {
  multiply("conv2d_backward_input", precision, pixels(g), g.in_channels, g.out_channels,
           {dy, g.out_channels}, {weight, g.weight_row()}, bias, dx);
}

// dweight [out, in] = dy [pixels, out]^T x [pixels, in]
void one_tap_weight_gradient(const kernels::Conv2dGeometry& g, kernels::Precision precision,
                             const float* x, const float* dy, float* dweight) {
  gemm("conv2d_backward_weight", precision, g.out_channels, g.in_channels, pixels(g),
       {dy, g.out_channels, true}, {x, g.in_channels}, 0, dweight, g.weight_row());
}

}  // namespace pixelgrad::cuda

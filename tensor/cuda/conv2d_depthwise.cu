#include "tensor/cuda/conv2d_problem.h"
#include "tensor/cuda/launch.h"
#include "tensor/cuda/sums.h"

// Convolutions in which every channel is a group of its own: a product of matrices would have one
// column. There are few operations for each value, so one thread computes one value; the threads of
// a warp have neighbouring channels. Weights are [channel, kernel_h, kernel_w].
namespace pixelgrad::cuda {
namespace {

/// Blocks that give each thread a channel and a pixel.
struct PixelsAndChannels {
  int lanes = 1;  ///< threads side by side in channels: a power of 2

  explicit PixelsAndChannels(int64_t channels) {
    while (lanes < 64 && lanes < channels) lanes *= 2;
  }
  LaunchShape shape(int64_t pixels, int64_t channels) const {
    return {dim3(static_cast<unsigned>(ceil_div(pixels, block_threads / lanes)),
                 static_cast<unsigned>(ceil_div(channels, lanes))),
            dim3(block_threads)};
  }
  __device__ int channel() const {
    return static_cast<int>(blockIdx.y) * lanes + static_cast<int>(threadIdx.x) % lanes;
  }
  __device__ int64_t pixel() const {
    return static_cast<int64_t>(blockIdx.x) * (block_threads / lanes) +
           static_cast<int>(threadIdx.x) / lanes;
  }
};

/// A weight as it is multiplied.
template <class T>
__device__ inline compute_t<T> rounded(compute_t<T> weight) {
  return static_cast<T>(weight);
}

// y[o] = sum over r of x[o * stride - pad + r * dilation] w[r], along both axes.
template <class T>
__global__ void forward_kernel(PixelsAndChannels cut, kernels::Conv2dGeometry g, const T* x,
                               const compute_t<T>* weight, const compute_t<T>* bias, T* y) {
  using Value = compute_t<T>;
  const int c = cut.channel(), channels = static_cast<int>(g.groups);
  const int pixel = static_cast<int>(cut.pixel());
  const int out_h = static_cast<int>(g.out_h), out_w = static_cast<int>(g.out_w);
  const int in_h = static_cast<int>(g.in_h), in_w = static_cast<int>(g.in_w);
  if (c >= channels || cut.pixel() >= g.n * g.out_h * g.out_w) return;
  const int image = pixel / out_w / out_h;
  const int top =
      pixel / out_w % out_h * static_cast<int>(g.stride_h) - static_cast<int>(g.pad_top);
  const int left = pixel % out_w * static_cast<int>(g.stride_w) - static_cast<int>(g.pad_left);
  const Value* w = weight + c * (g.kernel_h * g.kernel_w);
  Value sum = 0;
  for (int r = 0; r < g.kernel_h; ++r) {
    const int iy = top + r * static_cast<int>(g.dilation_h);
    if (iy < 0 || iy >= in_h) continue;
    const T* row = x + (static_cast<int64_t>(image) * in_h + iy) * in_w * channels + c;
    for (int s = 0; s < g.kernel_w; ++s) {
      const int ix = left + s * static_cast<int>(g.dilation_w);
      if (ix >= 0 && ix < in_w)
        sum += row[static_cast<int64_t>(ix) * channels] * rounded<T>(w[r * g.kernel_w + s]);
    }
  }
  y[static_cast<int64_t>(pixel) * channels + c] = static_cast<T>(sum + (bias ? bias[c] : Value{0}));
}

// dx[i] = sum over r of dy[(i + pad - r * dilation) / stride] w[r], where that is an output.
template <class T>
__global__ void input_gradient_kernel(PixelsAndChannels cut, kernels::Conv2dGeometry g, const T* dy,
                                      const compute_t<T>* weight, const compute_t<T>* bias, T* dx) {
  using Value = compute_t<T>;
  const int c = cut.channel(), channels = static_cast<int>(g.groups);
  const int pixel = static_cast<int>(cut.pixel());
  const int out_h = static_cast<int>(g.out_h), out_w = static_cast<int>(g.out_w);
  const int in_h = static_cast<int>(g.in_h), in_w = static_cast<int>(g.in_w);
  const int stride_h = static_cast<int>(g.stride_h), stride_w = static_cast<int>(g.stride_w);
  if (c >= channels || cut.pixel() >= g.n * g.in_h * g.in_w) return;
  const int image = pixel / in_w / in_h;
  const int bottom = pixel / in_w % in_h + static_cast<int>(g.pad_top);
  const int right = pixel % in_w + static_cast<int>(g.pad_left);
  const Value* w = weight + c * (g.kernel_h * g.kernel_w);
  Value sum = 0;
  for (int r = 0; r < g.kernel_h; ++r) {
    const int y = bottom - r * static_cast<int>(g.dilation_h), oy = y / stride_h;
    if (y < 0 || y % stride_h != 0 || oy >= out_h) continue;
    const T* row = dy + (static_cast<int64_t>(image) * out_h + oy) * out_w * channels + c;
    for (int s = 0; s < g.kernel_w; ++s) {
      const int x = right - s * static_cast<int>(g.dilation_w), ox = x / stride_w;
      if (x >= 0 && x % stride_w == 0 && ox < out_w)
        sum += row[static_cast<int64_t>(ox) * channels] * rounded<T>(w[r * g.kernel_w + s]);
    }
  }
  dx[static_cast<int64_t>(pixel) * channels + c] =
      static_cast<T>(sum + (bias ? bias[c] : Value{0}));
}

/// dweight[c, tap] = sum over output pixels of dy[pixel, c] x[what the tap reads, c].
template <class T>
struct Product {
  kernels::Conv2dGeometry g;
  const T *x, *dy;
  __device__ void operator()(int64_t tap, int64_t pixel, int64_t c, Sums<1>& sums) const {
    const int out_w = static_cast<int>(g.out_w), out_h = static_cast<int>(g.out_h);
    const int p = static_cast<int>(pixel), t = static_cast<int>(tap);
    const int kernel_w = static_cast<int>(g.kernel_w);
    const int64_t iy = p / out_w % out_h * g.stride_h - g.pad_top + t / kernel_w * g.dilation_h;
    const int64_t ix = p % out_w * g.stride_w - g.pad_left + t % kernel_w * g.dilation_w;
    if (iy < 0 || iy >= g.in_h || ix < 0 || ix >= g.in_w) return;
    const int64_t image = p / out_w / out_h;
    sums.value[0] += static_cast<double>(x[((image * g.in_h + iy) * g.in_w + ix) * g.groups + c]) *
                     static_cast<double>(dy[pixel * g.groups + c]);
  }
};

template <class T>
struct StoreWeight {
  int64_t taps;
  compute_t<T>* dweight;
  __device__ void operator()(int64_t tap, int64_t c, const Sums<1>& sums) const {
    dweight[c * taps + tap] = static_cast<compute_t<T>>(sums.value[0]);
  }
};

}  // namespace

template <class T>
void depthwise_forward(const kernels::Conv2dGeometry& g, const T* x, const compute_t<T>* weight,
                       const compute_t<T>* bias, T* y) {
  const PixelsAndChannels cut(g.groups);
  launch("conv2d_forward", cut.shape(g.n * g.out_h * g.out_w, g.groups), forward_kernel<T>, cut, g,
         x, weight, bias, y);
}

template <class T>
void depthwise_input_gradient(const kernels::Conv2dGeometry& g, const T* dy,
                              const compute_t<T>* weight, const compute_t<T>* bias, T* dx) {
  const PixelsAndChannels cut(g.groups);
  launch("conv2d_backward_input", cut.shape(g.n * g.in_h * g.in_w, g.groups),
         input_gradient_kernel<T>, cut, g, dy, weight, bias, dx);
}

template <class T>
void depthwise_weight_gradient(const kernels::Conv2dGeometry& g, const T* x, const T* dy,
                               compute_t<T>* dweight) {
  const int64_t taps = g.kernel_h * g.kernel_w;
  sum<1>("conv2d_backward_weight", {taps, g.n * g.out_h * g.out_w, g.groups}, Product<T>{g, x, dy},
         StoreWeight<T>{taps, dweight});
}

#define PIXELGRAD_INSTANTIATE(T)                                                                 \
  template void depthwise_forward<T>(const kernels::Conv2dGeometry&, const T*,                   \
                                     const compute_t<T>*, const compute_t<T>*, T*);              \
  template void depthwise_input_gradient<T>(const kernels::Conv2dGeometry&, const T*,            \
                                            const compute_t<T>*, const compute_t<T>*, T*);       \
  template void depthwise_weight_gradient<T>(const kernels::Conv2dGeometry&, const T*, const T*, \
                                             compute_t<T>*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::cuda

#include "tensor/cpu/conv2d_taps.h"

#include <algorithm>

#include "tensor/mutant_internal.h"
#include "tensor/parallel.h"
#include "tensor/tensor.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/conv2d_depthwise.cpp"
#include "tensor/cpu/simd.h"

// Depthwise convolution: every channel is its own group, so vectors lie along the channels and
// nothing is reused but the weights. It is bound by loads, and kept simple.

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

/// Calls f(d, c) for pieces of `lanes(d)` channels: whole vectors first, then one by one.
template <class T, class F>
HWY_INLINE void for_channels(int64_t begin, int64_t end, const F& f) {
  const hn::ScalableTag<T> vector;
  const hn::CappedTag<T, 1> single;
  constexpr int64_t lanes = hn::MaxLanes(vector);
  int64_t c = begin;
  for (; c + lanes <= end; c += lanes) f(vector, c);
  for (; c < end; ++c) f(single, c);
}

/// A tap that lies inside the image for the pixel at hand.
struct Hit {
  int64_t x, weight;
};

template <class T>
void run_pixels(const TapConvolution& c, const T* x, const T* packed, const T* bias, T* y,
                int64_t begin, int64_t end) {
  const int64_t channels = c.sources[0].pixel;
  std::vector<Hit> hits(c.taps.size());
  for (int64_t pixel = begin; pixel < end; ++pixel) {
    const int64_t line = pixel / c.cols, image = line / c.rows;
    const int64_t row = line % c.rows, col = pixel % c.cols;
    size_t count = 0;
    for (size_t t = 0; t < c.taps.size(); ++t) {
      const int64_t iy = row * c.stride_h + c.taps[t].dy, ix = col * c.stride_w + c.taps[t].dx;
      if (iy < 0 || iy >= c.in_h || ix < 0 || ix >= c.in_w) continue;
      hits[count++] = {((image * c.in_h + iy) * c.in_w + ix) * channels,
                       static_cast<int64_t>(t) * channels};
    }
    T* to = y + c.y_offset + image * c.y_image + row * c.y_row + col * c.y_pixel;
    for_channels<T>(0, channels, [&](auto d, int64_t ch) {
      auto sum = bias ? hn::LoadU(d, bias + ch) : hn::Zero(d);
      for (size_t i = 0; i < count; ++i)
        sum = hn::MulAdd(hn::LoadU(d, x + hits[i].x + ch),
                         hn::LoadU(d, packed + hits[i].weight + ch), sum);
      hn::StoreU(sum, d, to + ch);
    });
  }
}

template <class T>
void run(std::span<const TapConvolution> convolutions, int64_t kernel_taps, const T* x,
         const T* weight, const T* bias, T* y) {
  for (const TapConvolution& c : convolutions) {
    const int64_t channels = c.sources[0].pixel;
    Tensor packed = Tensor::empty({static_cast<int64_t>(c.taps.size()), channels}, dtype_of<T>);
    T* w = packed.mutable_data<T>();
    for (size_t t = 0; t < c.taps.size(); ++t)
      for (int64_t ch = 0; ch < channels; ++ch)
        w[t * channels + ch] = weight[ch * kernel_taps + c.taps[t].weight];
    const int64_t grain = std::max<int64_t>(1, 32768 / std::max<int64_t>(1, channels));
    parallel_range(c.images * c.rows * c.cols, grain,
                   [&](int64_t begin, int64_t end) { run_pixels(c, x, w, bias, y, begin, end); });
  }
}

/// Adds to sums[channel] what tap (r, s) gets from rows [begin, end) of all images.
template <class T>
void add_tap(const kernels::Conv2dGeometry& g, const T* x, const T* dy, int64_t r, int64_t s,
             int64_t begin, int64_t end, T* sums) {
  const int64_t channels = g.in_channels, first = s * g.dilation_w - g.pad_left;
  const int64_t low = first < 0 ? (-first + g.stride_w - 1) / g.stride_w : 0;
  const int64_t high =
      std::min(g.out_w, first >= g.in_w ? 0 : (g.in_w - 1 - first) / g.stride_w + 1);
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t image = unit / g.out_h, oy = unit % g.out_h;
    const int64_t iy = oy * g.stride_h - g.pad_top + r * g.dilation_h;
    if (iy < 0 || iy >= g.in_h) continue;
    const T* from = x + ((image * g.in_h + iy) * g.in_w + first) * channels;
    const T* gradient = dy + unit * g.out_w * channels;
    for_channels<T>(0, channels, [&](auto d, int64_t ch) {
      auto even = hn::Zero(d), odd = hn::Zero(d);  // two chains hide half the latency of the sum
      int64_t ox = low;
      for (; ox + 2 <= high; ox += 2) {
        even = hn::MulAdd(hn::LoadU(d, from + ox * g.stride_w * channels + ch),
                          hn::LoadU(d, gradient + ox * channels + ch), even);
        odd = hn::MulAdd(hn::LoadU(d, from + (ox + 1) * g.stride_w * channels + ch),
                         hn::LoadU(d, gradient + (ox + 1) * channels + ch), odd);
      }
      if (ox < PIXELGRAD_MUTANT(depthwise_weight_gradient_odd_column_lost, high, 0))
        even = hn::MulAdd(hn::LoadU(d, from + ox * g.stride_w * channels + ch),
                          hn::LoadU(d, gradient + ox * channels + ch), even);
      hn::StoreU(hn::Add(hn::LoadU(d, sums + ch), hn::Add(even, odd)), d, sums + ch);
    });
  }
}

template <class T>
void run_weight_gradient(const kernels::Conv2dGeometry& g, const T* x, const T* dy, T* dweight) {
  const int64_t channels = g.in_channels, taps = g.kernel_h * g.kernel_w, rows = g.n * g.out_h;
  const int64_t parts = std::clamp<int64_t>(rows * g.out_w * channels / 65536, 1, 32);
  Tensor all = Tensor::zeros({parts, taps, channels}, dtype_of<T>);
  T* sums = all.mutable_data<T>();
  parallel_for(parts * g.kernel_h, [&](int64_t i) {
    const int64_t part = i / g.kernel_h, r = i % g.kernel_h;
    for (int64_t s = 0; s < g.kernel_w; ++s)
      add_tap(g, x, dy, r, s, rows * part / parts, rows * (part + 1) / parts,
              sums + (part * taps + r * g.kernel_w + s) * channels);
  });
  for (int64_t tap = 0; tap < taps; ++tap)
    for (int64_t ch = 0; ch < channels; ++ch) {
      T sum = 0;
      for (int64_t part = 0; part < parts; ++part) sum += sums[(part * taps + tap) * channels + ch];
      dweight[ch * taps + tap] = sum;
    }
}

void depthwise_f32(std::span<const TapConvolution> convolutions, int64_t kernel_taps,
                   const float* x, const float* weight, const float* bias, float* y) {
  run<float>(convolutions, kernel_taps, x, weight, bias, y);
}
void depthwise_f64(std::span<const TapConvolution> convolutions, int64_t kernel_taps,
                   const double* x, const double* weight, const double* bias, double* y) {
  run<double>(convolutions, kernel_taps, x, weight, bias, y);
}
void depthwise_gradient_f32(const kernels::Conv2dGeometry& g, const float* x, const float* dy,
                            float* dweight) {
  run_weight_gradient<float>(g, x, dy, dweight);
}
void depthwise_gradient_f64(const kernels::Conv2dGeometry& g, const double* x, const double* dy,
                            double* dweight) {
  run_weight_gradient<double>(g, x, dy, dweight);
}

}  // namespace
}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::cpu {

HWY_EXPORT(depthwise_f32);
HWY_EXPORT(depthwise_f64);
HWY_EXPORT(depthwise_gradient_f32);
HWY_EXPORT(depthwise_gradient_f64);

template <>
void run_depthwise_taps<float>(std::span<const TapConvolution> convolutions, int64_t kernel_taps,
                               const float* x, const float* weight, const float* bias, float* y) {
  HWY_DYNAMIC_DISPATCH(depthwise_f32)(convolutions, kernel_taps, x, weight, bias, y);
}
template <>
void run_depthwise_taps<double>(std::span<const TapConvolution> convolutions, int64_t kernel_taps,
                                const double* x, const double* weight, const double* bias,
                                double* y) {
  HWY_DYNAMIC_DISPATCH(depthwise_f64)(convolutions, kernel_taps, x, weight, bias, y);
}
template <>
void depthwise_weight_gradient<float>(const kernels::Conv2dGeometry& g, const float* x,
                                      const float* dy, float* dweight) {
  HWY_DYNAMIC_DISPATCH(depthwise_gradient_f32)(g, x, dy, dweight);
}
template <>
void depthwise_weight_gradient<double>(const kernels::Conv2dGeometry& g, const double* x,
                                       const double* dy, double* dweight) {
  HWY_DYNAMIC_DISPATCH(depthwise_gradient_f64)(g, x, dy, dweight);
}

}  // namespace pixelgrad::cpu
#endif

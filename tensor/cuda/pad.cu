#include "tensor/kernels/pad.h"

#include "tensor/bf16.h"
#include "tensor/cuda/launch.h"

namespace pixelgrad::kernels {
namespace {

/// Which output coordinates of an axis copy an input coordinate. `before` is where the input
/// begins in the output.
struct Reflect {
  static __device__ int64_t source(int64_t i, int64_t size) { return reflect_source(i, size); }

  /// Itself, and its mirror images at either edge, where there are any.
  template <class F>
  static __device__ void for_each_copy(int64_t i, int64_t size, int64_t before, int64_t out,
                                       const F& f) {
    const auto visit = [&](int64_t o) {
      if (o >= 0 && o < out) f(o);
    };
    visit(before + i);
    if (i > 0) visit(before - i);
    if (i < size - 1) visit(before + 2 * (size - 1) - i);
  }
};

struct Replicate {
  static __device__ int64_t source(int64_t i, int64_t size) { return replicate_source(i, size); }

  /// Itself; a pixel of the edge also all that lies beyond it.
  template <class F>
  static __device__ void for_each_copy(int64_t i, int64_t size, int64_t before, int64_t out,
                                       const F& f) {
    const int64_t first = i == 0 ? 0 : before + i, last = i == size - 1 ? out - 1 : before + i;
    for (int64_t o = first < 0 ? 0 : first; o <= last && o < out; ++o) f(o);
  }
};

template <class Padding, class T>
__global__ void forward_kernel(int64_t n, Pad2dGeometry g, const T* x, T* y) {
  const int64_t i = cuda::thread_number();
  if (i >= n) return;
  const int64_t pixel = i / g.channels, image = pixel / g.out_w / g.out_h;
  const int64_t iy = Padding::source(pixel / g.out_w % g.out_h - g.top, g.in_h);
  const int64_t ix = Padding::source(pixel % g.out_w - g.left, g.in_w);
  y[i] = x[((image * g.in_h + iy) * g.in_w + ix) * g.channels + i % g.channels];
}

template <class Padding, class T>
__global__ void backward_kernel(int64_t n, Pad2dGeometry g, const T* dy, T* dx) {
  const int64_t i = cuda::thread_number();
  if (i >= n) return;
  const int64_t pixel = i / g.channels, image = pixel / g.in_w / g.in_h;
  double sum = 0;
  Padding::for_each_copy(pixel / g.in_w % g.in_h, g.in_h, g.top, g.out_h, [&](int64_t oy) {
    Padding::for_each_copy(pixel % g.in_w, g.in_w, g.left, g.out_w, [&](int64_t ox) {
      sum += static_cast<double>(
          dy[((image * g.out_h + oy) * g.out_w + ox) * g.channels + i % g.channels]);
    });
  });
  dx[i] = static_cast<T>(sum);
}

template <class Padding, class T>
void forward(const char* op, const Pad2dGeometry& g, const T* x, T* y) {
  if (const int64_t n = g.n * g.out_h * g.out_w * g.channels; n > 0)
    cuda::launch(op, cuda::one_thread_each(n), forward_kernel<Padding, T>, n, g, x, y);
}

template <class Padding, class T>
void backward(const char* op, const Pad2dGeometry& g, const T* dy, T* dx) {
  if (const int64_t n = g.n * g.in_h * g.in_w * g.channels; n > 0)
    cuda::launch(op, cuda::one_thread_each(n), backward_kernel<Padding, T>, n, g, dy, dx);
}

}  // namespace

template <Device D, class T>
void pad2d_reflect_forward(const Pad2dGeometry& g, const T* x, T* y) {
  forward<Reflect>("pad2d_reflect", g, x, y);
}
template <Device D, class T>
void pad2d_reflect_backward(const Pad2dGeometry& g, const T* dy, T* dx) {
  backward<Reflect>("pad2d_reflect backward", g, dy, dx);
}
template <Device D, class T>
void pad2d_replicate_forward(const Pad2dGeometry& g, const T* x, T* y) {
  forward<Replicate>("pad2d_replicate", g, x, y);
}
template <Device D, class T>
void pad2d_replicate_backward(const Pad2dGeometry& g, const T* dy, T* dx) {
  backward<Replicate>("pad2d_replicate backward", g, dy, dx);
}

#define PIXELGRAD_INSTANTIATE(T)                                                              \
  template void pad2d_reflect_forward<Device::cuda, T>(const Pad2dGeometry&, const T*, T*);   \
  template void pad2d_reflect_backward<Device::cuda, T>(const Pad2dGeometry&, const T*, T*);  \
  template void pad2d_replicate_forward<Device::cuda, T>(const Pad2dGeometry&, const T*, T*); \
  template void pad2d_replicate_backward<Device::cuda, T>(const Pad2dGeometry&, const T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels

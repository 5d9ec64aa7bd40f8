#include "tensor/kernels/pool.h"

#include <limits>

#include "tensor/cuda/launch.h"
#include "tensor/dtype.h"

// A thread computes one value: of y in a forward, of dx in a backward, which gathers from the
// windows that hold its pixel. Neighbouring threads have neighbouring channels.
namespace pixelgrad::kernels {
namespace {

/// Element i of an array [n, height, width, channels].
struct Place {
  int64_t image, row, column, channel;
  __device__ Place(int64_t i, int64_t height, int64_t width, int64_t channels)
      : image(i / channels / width / height),
        row(i / channels / width % height),
        column(i / channels % width),
        channel(i % channels) {}
};

__device__ inline int64_t input_at(const Pool2dGeometry& g, const Place& p, int64_t iy,
                                   int64_t ix) {
  return ((p.image * g.h.in + iy) * g.w.in + ix) * g.channels + p.channel;
}

__device__ inline int64_t output_at(const Pool2dGeometry& g, const Place& p, int64_t oy,
                                    int64_t ox) {
  return ((p.image * g.h.out + oy) * g.w.out + ox) * g.channels + p.channel;
}

template <class T, class Index>
__global__ void max_forward_kernel(int64_t n, Pool2dGeometry g, const T* x, T* y, Index* argmax) {
  const int64_t i = cuda::thread_number();
  if (i >= n) return;
  const Place p(i, g.h.out, g.w.out, g.channels);
  const PoolTaps rows = pool_taps(g.h, p.row), cols = pool_taps(g.w, p.column);
  using Value = compute_t<T>;
  Value best = -std::numeric_limits<Value>::infinity();
  int64_t code = rows.begin * g.w.kernel + cols.begin;
  for (int64_t r = rows.begin; r < rows.end; ++r)
    for (int64_t s = cols.begin; s < cols.end; ++s) {
      const Value value = x[input_at(g, p, pool_input(g.h, rows, r), pool_input(g.w, cols, s))];
      if (!(value > best) && value == value) continue;
      best = value;
      code = r * g.w.kernel + s;
    }
  y[i] = static_cast<T>(best);
  if (argmax) argmax[i] = static_cast<Index>(code);
}

template <class T, class Index>
__global__ void max_backward_kernel(int64_t n, Pool2dGeometry g, const T* dy, const Index* argmax,
                                    T* dx) {
  const int64_t i = cuda::thread_number();
  if (i >= n) return;
  const Place p(i, g.h.in, g.w.in, g.channels);
  const PoolReaders rows = pool_readers(g.h, p.row), cols = pool_readers(g.w, p.column);
  compute_t<T> sum = 0;
  for (int64_t oy = rows.begin; oy < rows.end; ++oy) {
    const int64_t r = pool_tap_of(g.h, p.row, oy);
    if (r < 0) continue;
    for (int64_t ox = cols.begin; ox < cols.end; ++ox) {
      const int64_t s = pool_tap_of(g.w, p.column, ox);
      if (s < 0) continue;
      const int64_t at = output_at(g, p, oy, ox);
      if (static_cast<int64_t>(argmax[at]) == r * g.w.kernel + s) sum += dy[at];
    }
  }
  dx[i] = static_cast<T>(sum);
}

/// 1 / divisor of a window whose taps inside the image are rows x cols.
template <class T>
__device__ inline T window_weight(const Pool2dGeometry& g, bool count_include_pad,
                                  const PoolTaps& rows, const PoolTaps& cols) {
  return T{1} / static_cast<T>(pool_divisor(g.h, rows, count_include_pad) *
                               pool_divisor(g.w, cols, count_include_pad));
}

/// Adds up in `Sum`: in f64 where the windows are large.
template <class Sum, class T>
__global__ void avg_forward_kernel(int64_t n, Pool2dGeometry g, bool count_include_pad, const T* x,
                                   T* y) {
  const int64_t i = cuda::thread_number();
  if (i >= n) return;
  const Place p(i, g.h.out, g.w.out, g.channels);
  const PoolTaps rows = pool_taps(g.h, p.row), cols = pool_taps(g.w, p.column);
  Sum sum = 0;
  for (int64_t r = rows.begin; r < rows.end; ++r)
    for (int64_t s = cols.begin; s < cols.end; ++s)
      sum += static_cast<Sum>(x[input_at(g, p, rows.start + r, cols.start + s)]);
  y[i] = static_cast<T>(sum * window_weight<Sum>(g, count_include_pad, rows, cols));
}

template <class T>
__global__ void avg_backward_kernel(int64_t n, Pool2dGeometry g, bool count_include_pad,
                                    const T* dy, T* dx) {
  const int64_t i = cuda::thread_number();
  if (i >= n) return;
  const Place p(i, g.h.in, g.w.in, g.channels);
  const PoolReaders rows = pool_readers(g.h, p.row), cols = pool_readers(g.w, p.column);
  using Value = compute_t<T>;
  Value sum = 0;
  for (int64_t oy = rows.begin; oy < rows.end; ++oy)
    for (int64_t ox = cols.begin; ox < cols.end; ++ox)
      sum += window_weight<Value>(g, count_include_pad, pool_taps(g.h, oy), pool_taps(g.w, ox)) *
             dy[output_at(g, p, oy, ox)];
  dx[i] = static_cast<T>(sum);
}

int64_t outputs(const Pool2dGeometry& g) { return g.n * g.h.out * g.w.out * g.channels; }
int64_t inputs(const Pool2dGeometry& g) { return g.n * g.h.in * g.w.in * g.channels; }

}  // namespace

template <Device D, class T, class Index>
void max_pool2d_forward(const Pool2dGeometry& g, const T* x, T* y, Index* argmax) {
  if (const int64_t n = outputs(g); n > 0)
    cuda::launch("max_pool2d", cuda::one_thread_each(n), max_forward_kernel<T, Index>, n, g, x, y,
                 argmax);
}

template <Device D, class T, class Index>
void max_pool2d_backward(const Pool2dGeometry& g, const T* dy, const Index* argmax, T* dx) {
  if (const int64_t n = inputs(g); n > 0)
    cuda::launch("max_pool2d backward", cuda::one_thread_each(n), max_backward_kernel<T, Index>, n,
                 g, dy, argmax, dx);
}

template <Device D, class T>
void avg_pool2d_forward(const Pool2dGeometry& g, bool count_include_pad, const T* x, T* y) {
  const bool small = g.h.kernel * g.w.kernel <= 64;
  if (const int64_t n = outputs(g); n > 0)
    cuda::launch("avg_pool2d", cuda::one_thread_each(n),
                 small ? avg_forward_kernel<compute_t<T>, T> : avg_forward_kernel<acc_t<T>, T>, n,
                 g, count_include_pad, x, y);
}

template <Device D, class T>
void avg_pool2d_backward(const Pool2dGeometry& g, bool count_include_pad, const T* dy, T* dx) {
  if (const int64_t n = inputs(g); n > 0)
    cuda::launch("avg_pool2d backward", cuda::one_thread_each(n), avg_backward_kernel<T>, n, g,
                 count_include_pad, dy, dx);
}

#define PIXELGRAD_INSTANTIATE(T)                                                                \
  template void max_pool2d_forward<Device::cuda, T>(const Pool2dGeometry&, const T*, T*,        \
                                                    uint8_t*);                                  \
  template void max_pool2d_forward<Device::cuda, T>(const Pool2dGeometry&, const T*, T*,        \
                                                    int32_t*);                                  \
  template void max_pool2d_backward<Device::cuda, T>(const Pool2dGeometry&, const T*,           \
                                                     const uint8_t*, T*);                       \
  template void max_pool2d_backward<Device::cuda, T>(const Pool2dGeometry&, const T*,           \
                                                     const int32_t*, T*);                       \
  template void avg_pool2d_forward<Device::cuda, T>(const Pool2dGeometry&, bool, const T*, T*); \
  template void avg_pool2d_backward<Device::cuda, T>(const Pool2dGeometry&, bool, const T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels

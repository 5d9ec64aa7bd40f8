#include "tensor/kernels/pad.h"

#include <algorithm>
#include <vector>

#include "tensor/bf16.h"
#include "tensor/cpu/resample.h"
#include "tensor/parallel.h"

namespace pixelgrad::kernels {
namespace {

using Source = int64_t (*)(int64_t i, int64_t size);

std::vector<int64_t> sources(Source source, int64_t in, int64_t out, int64_t before) {
  std::vector<int64_t> of(static_cast<size_t>(out));
  for (int64_t o = 0; o < out; ++o) of[static_cast<size_t>(o)] = source(o - before, in);
  return of;
}

template <class T>
void forward(const Pad2dGeometry& g, Source source, const T* x, T* y) {
  const auto ys = sources(source, g.in_h, g.out_h, g.top);
  const auto xs = sources(source, g.in_w, g.out_w, g.left);
  // Columns [begin, end) of y are a run of x.
  const int64_t begin = std::clamp<int64_t>(g.left, 0, g.out_w);
  const int64_t end = std::clamp<int64_t>(g.left + g.in_w, begin, g.out_w);
  const int64_t values = std::max<int64_t>(1, g.out_w * g.channels);
  const int64_t grain = std::max<int64_t>(1, (1 << 15) / values);
  parallel_range(g.n * g.out_h, grain, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const int64_t iy = ys[static_cast<size_t>(row % g.out_h)];
      const T* from = x + (row / g.out_h * g.in_h + iy) * g.in_w * g.channels;
      T* to = y + row * g.out_w * g.channels;
      const auto copy_pixels = [&](int64_t ox, int64_t count) {
        std::copy_n(from + xs[static_cast<size_t>(ox)] * g.channels, count * g.channels,
                    to + ox * g.channels);
      };
      for (int64_t ox = 0; ox < begin; ++ox) copy_pixels(ox, 1);
      if (begin < end) copy_pixels(begin, end - begin);
      for (int64_t ox = end; ox < g.out_w; ++ox) copy_pixels(ox, 1);
    }
  });
}

/// For each input coordinate the output coordinates that copy it.
cpu::AxisTaps copies(Source source, int64_t in, int64_t out, int64_t before) {
  cpu::AxisTaps taps;
  for (int64_t o = 0; o < out; ++o) {
    if (PIXELGRAD_MUTANT(pad2d_backward_of_the_middle_only, true, o >= before && o < before + in))
      taps.add(source(o - before, in), 1);
    taps.end_output();
  }
  return cpu::transposed(taps, in);
}

template <class T>
void backward(const Pad2dGeometry& g, Source source, const T* dy, T* dx) {
  cpu::resample(g.n, g.out_h, g.out_w, g.channels, copies(source, g.in_h, g.out_h, g.top),
                copies(source, g.in_w, g.out_w, g.left), dy, dx);
}

}  // namespace

template <Device D, class T>
void pad2d_reflect_forward(const Pad2dGeometry& g, const T* x, T* y) {
  forward(g, reflect_source, x, y);
}
template <Device D, class T>
void pad2d_reflect_backward(const Pad2dGeometry& g, const T* dy, T* dx) {
  backward(g, reflect_source, dy, dx);
}
template <Device D, class T>
void pad2d_replicate_forward(const Pad2dGeometry& g, const T* x, T* y) {
  forward(g, replicate_source, x, y);
}
template <Device D, class T>
void pad2d_replicate_backward(const Pad2dGeometry& g, const T* dy, T* dx) {
  backward(g, replicate_source, dy, dx);
}

#define PIXELGRAD_INSTANTIATE(T)                                                             \
  template void pad2d_reflect_forward<Device::cpu, T>(const Pad2dGeometry&, const T*, T*);   \
  template void pad2d_reflect_backward<Device::cpu, T>(const Pad2dGeometry&, const T*, T*);  \
  template void pad2d_replicate_forward<Device::cpu, T>(const Pad2dGeometry&, const T*, T*); \
  template void pad2d_replicate_backward<Device::cpu, T>(const Pad2dGeometry&, const T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels

#include "autograd/ops/upsample.h"

#include <algorithm>

#include "autograd/ops/checks_internal.h"
#include "autograd/trace.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/upsample.h"

namespace pixelgrad {
namespace {

/// Along an axis that is resized from `in` to `out` pixels, by output pixel `at`.
PixelRange pixels_read(const UpsampleSpec& spec, int64_t at, int64_t in, int64_t out) {
  if (spec.mode == UpsampleMode::nearest) {
    const int64_t from = kernels::nearest_source(at, in, out);
    return {from, from};
  }
  if (spec.mode == UpsampleMode::bilinear) {
    const kernels::LinearSource from = kernels::linear_source(at, in, out, spec.align_corners);
    return {from.low, from.weight > 0 ? from.high : from.low};
  }
  const kernels::CubicSource from = kernels::cubic_source(at, in, out, spec.align_corners);
  return {from.in[0], from.in[3]};
}

}  // namespace

Tensor upsample(const Tensor& x, int64_t out_h, int64_t out_w, const UpsampleSpec& spec) {
  check_image("upsample", x);
  check(out_h >= 1 && out_w >= 1 && x.shape(1) >= 1 && x.shape(2) >= 1, "[upsample] from ",
        x.shape(), " to ", out_h, " x ", out_w, ", expected sizes of at least 1");
  check(spec.mode != UpsampleMode::nearest || !spec.align_corners,
        "[upsample] align_corners is set, but the mode is nearest, expected bilinear or bicubic");
  const kernels::UpsampleGeometry g{.n = x.shape(0),
                                    .in_h = x.shape(1),
                                    .in_w = x.shape(2),
                                    .channels = x.shape(3),
                                    .out_h = out_h,
                                    .out_w = out_w};
  Tensor y = Tensor::empty({g.n, out_h, out_w, g.channels}, x.dtype(), x.device());
  dispatch_activation(x, [&]<Device D, class T>() {
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    switch (spec.mode) {
      case UpsampleMode::nearest:
        return kernels::upsample_nearest_forward<D, T>(g, from, to);
      case UpsampleMode::bilinear:
        return kernels::upsample_bilinear_forward<D, T>(g, spec.align_corners, from, to);
      case UpsampleMode::bicubic:
        return kernels::upsample_bicubic_forward<D, T>(g, spec.align_corners, from, to);
    }
  });
  const auto axis = [&](int64_t in, int64_t out) -> TraceAxis {
    const int64_t taps = spec.mode == UpsampleMode::nearest    ? 1
                         : spec.mode == UpsampleMode::bilinear ? 2
                                                               : 4;
    const bool corners = spec.align_corners && out > 1;
    return {.span = in == out ? 1 : std::min(taps, in),
            .step = corners ? (in - 1.0) / (out - 1.0) : 1.0 * in / out,
            .reads = [=](int64_t at) { return pixels_read(spec, at, in, out); }};
  };
  trace_window([&] { return TraceWindow{axis(g.in_h, out_h), axis(g.in_w, out_w)}; });
  // y = A x is linear, so dx = transpose(A) dy
  return record("upsample", y, {x}, [g, spec](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty({g.n, g.in_h, g.in_w, g.channels}, dy.dtype(), dy.device());
    dispatch_activation(dy, [&]<Device D, class T>() {
      const T* from = dy.data<T>();
      T* to = dx.mutable_data<T>();
      switch (spec.mode) {
        case UpsampleMode::nearest:
          return kernels::upsample_nearest_backward<D, T>(g, from, to);
        case UpsampleMode::bilinear:
          return kernels::upsample_bilinear_backward<D, T>(g, spec.align_corners, from, to);
        case UpsampleMode::bicubic:
          return kernels::upsample_bicubic_backward<D, T>(g, spec.align_corners, from, to);
      }
    });
    return {dx};
  });
}

Tensor upsample_scale(const Tensor& x, int64_t factor, const UpsampleSpec& spec) {
  check_image("upsample_scale", x);
  check(factor >= 1, "[upsample_scale] factor is ", factor, ", expected at least 1");
  return upsample(x, factor * x.shape(1), factor * x.shape(2), spec);
}

}  // namespace pixelgrad

#include "autograd/ops/pad.h"

#include <algorithm>

#include "autograd/ops/checks_internal.h"
#include "autograd/trace.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/copy.h"
#include "tensor/kernels/pad.h"

namespace pixelgrad {
namespace {

kernels::Pad2dGeometry pad_geometry(const Tensor& x, const Pad2dSpec& s) {
  check_image("pad2d", x);
  const kernels::Pad2dGeometry g{.n = x.shape(0),
                                 .in_h = x.shape(1),
                                 .in_w = x.shape(2),
                                 .channels = x.shape(3),
                                 .out_h = x.shape(1) + s.top + s.bottom,
                                 .out_w = x.shape(2) + s.left + s.right,
                                 .top = s.top,
                                 .left = s.left};
  const auto sides = [&] {
    return str("left ", s.left, ", right ", s.right, ", top ", s.top, ", bottom ", s.bottom,
               " (input ", x.shape(), ")");
  };
  // Neither side may cut off more than there is.
  check(g.in_h >= 1 && g.in_w >= 1 && g.out_h >= 1 && g.out_w >= 1 && s.left > -g.in_w &&
            s.right > -g.in_w && s.top > -g.in_h && s.bottom > -g.in_h,
        "[pad2d] no pixel of the input is left: ", sides());
  check(s.mode != PadMode::reflect ||
            (s.left < g.in_w && s.right < g.in_w && s.top < g.in_h && s.bottom < g.in_h),
        "[pad2d] reflect expected less on each side than the input has pixels: ", sides());
  return g;
}

/// The part of x that is part of y too.
struct Overlap {
  kernels::StridedCopy copy;
  int64_t from, to;  ///< where it begins in x and in y
};

Overlap overlap(const kernels::Pad2dGeometry& g) {
  const int64_t x_top = std::max<int64_t>(0, -g.top), y_top = std::max<int64_t>(0, g.top);
  const int64_t x_left = std::max<int64_t>(0, -g.left), y_left = std::max<int64_t>(0, g.left);
  const int64_t height = std::min(g.in_h - x_top, g.out_h - y_top);
  const int64_t width = std::min(g.in_w - x_left, g.out_w - y_left);
  const int64_t x_row = g.in_w * g.channels, y_row = g.out_w * g.channels;
  Overlap o{{}, x_top * x_row + x_left * g.channels, y_top * y_row + y_left * g.channels};
  o.copy.add(g.n, g.in_h * x_row, g.out_h * y_row);
  o.copy.add(height, x_row, y_row);
  o.copy.add(width * g.channels, 1, 1);
  return o;
}

/// For a trace: which pixels of an axis are copied.
TraceAxis trace_axis(PadMode mode, int64_t before, int64_t in) {
  return {.reads = [=](int64_t out) -> PixelRange {
    const int64_t at = out - before;
    const int64_t from = mode == PadMode::reflect     ? kernels::reflect_source(at, in)
                         : mode == PadMode::replicate ? kernels::replicate_source(at, in)
                                                      : at;
    return {from, from};
  }};
}

}  // namespace

Tensor pad2d(const Tensor& x, const Pad2dSpec& spec) {
  const kernels::Pad2dGeometry g = pad_geometry(x, spec);
  const Shape in{g.n, g.in_h, g.in_w, g.channels}, out{g.n, g.out_h, g.out_w, g.channels};
  trace_window([&] {
    return TraceWindow{trace_axis(spec.mode, g.top, g.in_h), trace_axis(spec.mode, g.left, g.in_w)};
  });
  if (spec.mode == PadMode::constant) {
    const Overlap o = overlap(g);
    Tensor y = Tensor::full(out, spec.value, x.dtype(), x.device());
    dispatch_activation(x, [&]<Device D, class T>() {
      kernels::copy_strided<D, T>(o.copy, x.data<T>() + o.from, y.mutable_data<T>() + o.to);
    });
    return record("pad2d", y, {x}, [o, in](const Tensor& dy) -> Grads {
      Tensor dx = Tensor::zeros(in, dy.dtype(), dy.device());
      dispatch_activation(dy, [&]<Device D, class T>() {
        kernels::copy_strided<D, T>(o.copy.reversed(), dy.data<T>() + o.to,
                                    dx.mutable_data<T>() + o.from);
      });
      return {dx};
    });
  }
  const bool reflect = spec.mode == PadMode::reflect;
  Tensor y = Tensor::empty(out, x.dtype(), x.device());
  dispatch_activation(x, [&]<Device D, class T>() {
    reflect ? kernels::pad2d_reflect_forward<D, T>(g, x.data<T>(), y.mutable_data<T>())
            : kernels::pad2d_replicate_forward<D, T>(g, x.data<T>(), y.mutable_data<T>());
  });
  return record("pad2d", y, {x}, [g, in, reflect](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty(in, dy.dtype(), dy.device());
    dispatch_activation(dy, [&]<Device D, class T>() {
      reflect ? kernels::pad2d_reflect_backward<D, T>(g, dy.data<T>(), dx.mutable_data<T>())
              : kernels::pad2d_replicate_backward<D, T>(g, dy.data<T>(), dx.mutable_data<T>());
    });
    return {dx};
  });
}

}  // namespace pixelgrad

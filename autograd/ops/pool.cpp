#include "autograd/ops/pool.h"

#include <algorithm>

#include "autograd/ops/checks_internal.h"
#include "autograd/trace.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/pool.h"

namespace pixelgrad {
namespace {

using kernels::Pool2dGeometry;
using kernels::PoolAxis;

struct Window {
  int64_t kernel, stride;
  Padding padding;
  int64_t dilation;
  bool ceil_mode;
};

Pool2dGeometry window_geometry(const char* op, const Tensor& x, const Window& w) {
  check_image(op, x);
  check(w.kernel >= 1 && w.stride >= 0 && w.dilation >= 1, "[", op, "] kernel_size ", w.kernel,
        ", stride ", w.stride, ", dilation ", w.dilation, ", expected at least 1, 0 and 1");
  check(w.padding.is_same() || (w.padding.pixels() >= 0 && w.padding.pixels() <= w.kernel / 2), "[",
        op, "] padding is ", w.padding, ", expected 0 to kernel_size / 2 = ", w.kernel / 2);
  check(!w.padding.is_same() || !w.ceil_mode, "[", op,
        "] padding is same, which leaves no window over; expected ceil_mode off");
  check(x.shape(1) >= 1 && x.shape(2) >= 1, "[", op, "] input ", x.shape(), " has no pixels");
  const int64_t stride = w.stride == 0 ? w.kernel : w.stride;
  const int64_t reach = w.dilation * (w.kernel - 1) + 1;
  const auto axis = [&](int64_t in) {
    const Padding::Sides sides = w.padding.along(in, reach, stride);
    PoolAxis a{.in = in,
               .kernel = w.kernel,
               .stride = stride,
               .dilation = w.dilation,
               .pad_before = sides.before,
               .pad_after = sides.after};
    a.out = kernels::pool_output_size(a, w.ceil_mode);
    return a;
  };
  const Pool2dGeometry g{
      .n = x.shape(0), .channels = x.shape(3), .h = axis(x.shape(1)), .w = axis(x.shape(2))};
  check(g.h.out >= 1 && g.w.out >= 1, "[", op, "] input ", x.shape(), " with padding ", w.padding,
        " is smaller than the window of ", reach);
  return g;
}

Pool2dGeometry bin_geometry(const char* op, const Tensor& x, int64_t out_h, int64_t out_w) {
  check_image(op, x);
  check(out_h >= 1 && out_w >= 1 && x.shape(1) >= 1 && x.shape(2) >= 1, "[", op, "] from ",
        x.shape(), " to ", out_h, " x ", out_w, ", expected sizes of at least 1");
  const auto axis = [](int64_t in, int64_t out) {
    PoolAxis a{.in = in, .out = out, .adaptive = true};
    for (int64_t o = 0; o < out; ++o) a.kernel = std::max(a.kernel, pool_taps(a, o).count());
    return a;
  };
  return {.n = x.shape(0),
          .channels = x.shape(3),
          .h = axis(x.shape(1), out_h),
          .w = axis(x.shape(2), out_w)};
}

Shape output_shape(const Pool2dGeometry& g) { return {g.n, g.h.out, g.w.out, g.channels}; }
Shape input_shape(const Pool2dGeometry& g) { return {g.n, g.h.in, g.w.in, g.channels}; }

/// For a trace: which pixels the op reads that is recorded next.
void say_window(const Pool2dGeometry& g) {
  const auto axis = [](const PoolAxis& a) -> TraceAxis {
    const auto reads = [a](int64_t out) -> PixelRange {
      const kernels::PoolTaps taps = kernels::pool_taps(a, out);
      const int64_t step = a.adaptive ? 1 : a.dilation;
      return {taps.start + taps.begin * step, taps.start + (taps.end - 1) * step};
    };
    if (a.adaptive)
      return {.span = a.kernel, .step = 1.0 * a.in / a.out, .whole = a.out == 1, .reads = reads};
    return {.span = a.dilation * (a.kernel - 1) + 1, .step = 1.0 * a.stride, .reads = reads};
  };
  trace_window([&] { return TraceWindow{axis(g.h), axis(g.w)}; });
}

template <class Index>
Tensor max_pool(const char* op, const Pool2dGeometry& g, const Tensor& x) {
  Tensor y = Tensor::empty(output_shape(g), x.dtype(), x.device());
  Tensor argmax;
  if (grad_enabled() && needs_grad(x))
    argmax = Tensor::empty(output_shape(g), dtype_of<Index>, x.device());
  dispatch_activation(x, [&]<Device D, class T>() {
    kernels::max_pool2d_forward<D, T, Index>(g, x.data<T>(), y.mutable_data<T>(),
                                             argmax ? argmax.mutable_data<Index>() : nullptr);
  });
  say_window(g);
  return record(op, y, {x}, [g, argmax](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty(input_shape(g), dy.dtype(), dy.device());
    dispatch_activation(dy, [&]<Device D, class T>() {
      kernels::max_pool2d_backward<D, T, Index>(g, dy.data<T>(), argmax.data<Index>(),
                                                dx.mutable_data<T>());
    });
    return {dx};
  });
}

Tensor max_pool(const char* op, const Pool2dGeometry& g, const Tensor& x) {
  return g.h.kernel * g.w.kernel <= 256 ? max_pool<uint8_t>(op, g, x) : max_pool<int32_t>(op, g, x);
}

Tensor avg_pool(const char* op, const Pool2dGeometry& g, bool count_include_pad, const Tensor& x) {
  Tensor y = Tensor::empty(output_shape(g), x.dtype(), x.device());
  dispatch_activation(x, [&]<Device D, class T>() {
    kernels::avg_pool2d_forward<D, T>(g, count_include_pad, x.data<T>(), y.mutable_data<T>());
  });
  say_window(g);
  return record(op, y, {x}, [g, count_include_pad](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty(input_shape(g), dy.dtype(), dy.device());
    dispatch_activation(dy, [&]<Device D, class T>() {
      kernels::avg_pool2d_backward<D, T>(g, count_include_pad, dy.data<T>(), dx.mutable_data<T>());
    });
    return {dx};
  });
}

}  // namespace

Tensor max_pool2d(const Tensor& x, const MaxPool2dSpec& spec) {
  const auto g =
      window_geometry("max_pool2d", x,
                      {spec.kernel_size, spec.stride, spec.padding, spec.dilation, spec.ceil_mode});
  return max_pool("max_pool2d", g, x);
}

Tensor avg_pool2d(const Tensor& x, const AvgPool2dSpec& spec) {
  const auto g = window_geometry("avg_pool2d", x,
                                 {spec.kernel_size, spec.stride, spec.padding, 1, spec.ceil_mode});
  return avg_pool("avg_pool2d", g, spec.count_include_pad, x);
}

Tensor adaptive_avg_pool2d(const Tensor& x, int64_t out_h, int64_t out_w) {
  const auto g = bin_geometry("adaptive_avg_pool2d", x, out_h, out_w);
  return avg_pool("adaptive_avg_pool2d", g, false, x);
}

Tensor adaptive_max_pool2d(const Tensor& x, int64_t out_h, int64_t out_w) {
  return max_pool("adaptive_max_pool2d", bin_geometry("adaptive_max_pool2d", x, out_h, out_w), x);
}

Tensor global_avg_pool2d(const Tensor& x) {
  return avg_pool("global_avg_pool2d", bin_geometry("global_avg_pool2d", x, 1, 1), false, x);
}

Tensor global_max_pool2d(const Tensor& x) {
  return max_pool("global_max_pool2d", bin_geometry("global_max_pool2d", x, 1, 1), x);
}

}  // namespace pixelgrad

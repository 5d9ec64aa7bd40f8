#include "autograd/ops/conv_transpose2d.h"

#include <algorithm>

#include "autograd/graph.h"
#include "autograd/ops/conv2d_internal.h"
#include "autograd/saved.h"
#include "autograd/trace.h"
#include "tensor/dispatch.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad {
namespace {

/// The convolution whose transpose is asked for: it reads our output and writes our input.
kernels::Conv2dGeometry geometry_of(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                    const ConvTranspose2dSpec& spec) {
  detail::check_conv_inputs("conv_transpose2d", x, weight, bias,
                            {spec.stride, spec.padding, spec.dilation, spec.groups});
  const Shape &xs = x.shape(), &ws = weight.shape();
  const auto shapes = [&] { return str(" (input ", xs, ", weight ", ws, ")"); };
  const int64_t out_channels = ws[3] * spec.groups;
  if (xs[3] != ws[0])
    throw Error(
        str("[conv_transpose2d] input has ", xs[3], " channels, weight expects ", ws[0], shapes()));
  if (ws[0] % spec.groups != 0)
    throw Error(str("[conv_transpose2d] ", ws[0], " input channels cannot be cut into ",
                    spec.groups, " groups", shapes()));
  if (bias.defined() && bias.shape() != Shape{out_channels})
    throw Error(str("[conv_transpose2d] bias is ", bias.shape(), ", expected [", out_channels, "]",
                    shapes()));
  // More would be outputs that no input pixel reaches.
  const int64_t too_much = std::max(spec.stride, spec.dilation);
  if (spec.output_padding < 0 || spec.output_padding >= too_much)
    throw Error(str("[conv_transpose2d] output_padding is ", spec.output_padding,
                    ", expected 0 to less than the larger of stride and dilation, ", too_much,
                    shapes()));

  if (spec.padding.is_same() && spec.output_padding != 0)
    throw Error(str("[conv_transpose2d] output_padding is ", spec.output_padding,
                    ", expected 0 with padding same", shapes()));

  struct Axis {
    int64_t out, pad_before;
  };
  const auto along = [&](const char* what, int64_t in, int64_t kernel) -> Axis {
    const int64_t reach = spec.dilation * (kernel - 1) + 1;
    if (spec.padding.is_same())
      return {in * spec.stride, spec.padding.along(in * spec.stride, reach, spec.stride).before};
    const int64_t padding = spec.padding.pixels();
    const int64_t size =
        (in - 1) * spec.stride - 2 * padding + reach +
        PIXELGRAD_MUTANT(conv_transpose2d_without_output_padding, spec.output_padding, 0);
    if (size < 1)
      throw Error(str("[conv_transpose2d] output has a ", what, " of ", size,
                      ", expected at least 1; padding is ", spec.padding, shapes()));
    return {size, padding};
  };
  const Axis h = along("height", xs[1], ws[1]), w = along("width", xs[2], ws[2]);
  return {.n = xs[0],
          .in_h = h.out,
          .in_w = w.out,
          .in_channels = out_channels,
          .out_h = xs[1],
          .out_w = xs[2],
          .out_channels = xs[3],
          .kernel_h = ws[1],
          .kernel_w = ws[2],
          .stride_h = spec.stride,
          .stride_w = spec.stride,
          .pad_top = h.pad_before,
          .pad_left = w.pad_before,
          .dilation_h = spec.dilation,
          .dilation_w = spec.dilation,
          .groups = spec.groups};
}

}  // namespace

Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTranspose2dSpec& spec) {
  const kernels::Conv2dGeometry g = geometry_of(x, weight, bias, spec);
  Tensor y = Tensor::empty({g.n, g.in_h, g.in_w, g.in_channels}, x.dtype(), x.device());
  dispatch_activation(x, [&]<Device D, class T>() {
    using Weight = compute_t<T>;
    kernels::conv2d_backward_input<D, T>(g, x.data<T>(), weight.data<Weight>(),
                                         bias.defined() ? bias.data<Weight>() : nullptr,
                                         y.mutable_data<T>());
  });

  // y is the input gradient of the convolution `g` at x, so the roles of its input and output are
  // exchanged:
  //   dx = conv(dy, w)
  //   dw[ci, r, s, co] = sum over pixels of x[pixel, ci] dy[what tap (r, s) reads, co]
  //   db = sum of dy over pixels
  const bool want_dx = needs_grad(x), want_dw = needs_grad(weight), want_db = needs_grad(bias);
  const SavedTensor kept_x(want_dw ? x : Tensor()), kept_w(want_dx ? weight : Tensor());
  // Input pixel i reaches output pixels i stride - pad + tap dilation.
  const auto axis = [](int64_t kernel, int64_t dilation, int64_t stride, int64_t pad) -> TraceAxis {
    const int64_t reach = dilation * (kernel - 1);
    return {.span = reach / stride + 1, .step = 1.0 / stride, .reads = [=](int64_t out) {
              const int64_t over = out + pad - reach;  // rounded up, for it may be below 0
              return PixelRange{over > 0 ? (over + stride - 1) / stride : over / stride,
                                (out + pad) / stride};
            }};
  };
  trace_window([&] {
    return TraceWindow{axis(g.kernel_h, g.dilation_h, g.stride_h, g.pad_top),
                       axis(g.kernel_w, g.dilation_w, g.stride_w, g.pad_left)};
  });
  return record(
      "conv_transpose2d", y, {x, weight, bias},
      [g, kept_x, kept_w, want_db](const Tensor& dy) -> Grads {
        Tensor dx, dw, db;
        const Dtype weight_dtype = compute_dtype(dy.dtype());
        dispatch_activation(dy, [&]<Device D, class T>() {
          using Weight = compute_t<T>;
          if (kept_w.defined()) {
            dx = Tensor::empty({g.n, g.out_h, g.out_w, g.out_channels}, dy.dtype(), D);
            kernels::conv2d_forward<D, T>(g, dy.data<T>(), kept_w.value().data<Weight>(), nullptr,
                                          dx.mutable_data<T>());
          }
          if (kept_x.defined()) {
            dw = Tensor::empty({g.out_channels, g.kernel_h, g.kernel_w, g.in_channels / g.groups},
                               weight_dtype, D);
            kernels::conv2d_backward_weight<D, T>(g, dy.data<T>(), kept_x.value().data<T>(),
                                                  dw.mutable_data<Weight>());
          }
          if (want_db) {
            db = Tensor::empty({g.in_channels}, weight_dtype, D);
            const int64_t pixels = PIXELGRAD_MUTANT(conv_transpose2d_bias_gradient_of_input_pixels,
                                                    g.n * g.in_h * g.in_w, g.n * g.out_h * g.out_w);
            kernels::sum_over_pixels<D, T>(pixels, g.in_channels, dy.data<T>(),
                                           db.mutable_data<Weight>());
          }
        });
        return {dx, dw, db};
      });
}

}  // namespace pixelgrad

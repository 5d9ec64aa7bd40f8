#include "autograd/ops/conv2d.h"

#include "autograd/graph.h"
#include "autograd/ops/conv2d_internal.h"
#include "autograd/saved.h"
#include "tensor/dispatch.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad {
namespace {

kernels::Conv2dGeometry geometry_of(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                    const Conv2dSpec& spec) {
  detail::check_conv_inputs("conv2d", x, weight, bias,
                            {spec.stride, spec.padding, spec.dilation, spec.groups});
  const Shape &xs = x.shape(), &ws = weight.shape();
  const auto shapes = [&] { return str(" (input ", xs, ", weight ", ws, ")"); };
  if (xs[3] != ws[3] * spec.groups)
    throw Error(str("[conv2d] input has ", xs[3], " channels, weight expects ", ws[3] * spec.groups,
                    shapes()));
  if (ws[0] % spec.groups != 0)
    throw Error(str("[conv2d] ", ws[0], " output channels cannot be cut into ", spec.groups,
                    " groups", shapes()));
  if (bias.defined() && bias.shape() != Shape{ws[0]})
    throw Error(str("[conv2d] bias is ", bias.shape(), ", expected [", ws[0], "]", shapes()));

  struct Axis {
    int64_t out, pad_before;
  };
  const auto along = [&](const char* what, int64_t in, int64_t kernel) -> Axis {
    const int64_t reach = spec.dilation * (kernel - 1) + 1;
    const Padding::Sides sides = spec.padding.along(in, reach, spec.stride);
    const int64_t padded = in + sides.before + sides.after;
    if (reach > padded)
      throw Error(str("[conv2d] kernel spans ", reach, " pixels of ", what,
                      ", the padded input has ", padded, shapes()));
    return {(padded - reach) / spec.stride + 1, sides.before};
  };
  const Axis h = along("height", xs[1], ws[1]), w = along("width", xs[2], ws[2]);
  return {.n = xs[0],
          .in_h = xs[1],
          .in_w = xs[2],
          .in_channels = xs[3],
          .out_h = h.out,
          .out_w = w.out,
          .out_channels = ws[0],
          .kernel_h = ws[1],
          .kernel_w = ws[2],
          .stride_h = spec.stride,
          .stride_w = spec.stride,
          .pad_top = h.pad_before,
          .pad_left = w.pad_before,
          .dilation_h = PIXELGRAD_MUTANT(conv2d_without_dilation, spec.dilation, 1),
          .dilation_w = PIXELGRAD_MUTANT(conv2d_without_dilation, spec.dilation, 1),
          .groups = spec.groups};
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dSpec& spec) {
  const kernels::Conv2dGeometry g = geometry_of(x, weight, bias, spec);
  Tensor y = Tensor::empty({g.n, g.out_h, g.out_w, g.out_channels}, x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::conv2d_forward<D, T>(g, x.data<T>(), weight.data<T>(),
                                  bias.defined() ? bias.data<T>() : nullptr, y.mutable_data<T>());
  });

  // y = conv(x, w) + b is linear in each:
  //   dx = the transposed convolution of dy by w
  //   dw[co, r, s, ci] = sum over output pixels of dy[pixel, co] x[what tap (r, s) reads, ci]
  //   db = sum of dy over pixels
  const bool want_dx = needs_grad(x), want_dw = needs_grad(weight), want_db = needs_grad(bias);
  const SavedTensor kept_x(want_dw ? x : Tensor()), kept_w(want_dx ? weight : Tensor());
  return record(
      "conv2d", y, {x, weight, bias}, [g, kept_x, kept_w, want_db](const Tensor& dy) -> Grads {
        Tensor dx, dw, db;
        dispatch(dy, [&]<Device D, class T>() {
          // First what reads x: a value computed again for it is gone before dx is asked for.
          if (kept_x.defined()) {
            dw = Tensor::empty({g.out_channels, g.kernel_h, g.kernel_w, g.in_channels / g.groups},
                               dy.dtype(), D);
            kernels::conv2d_backward_weight<D, T>(g, kept_x.value().data<T>(), dy.data<T>(),
                                                  dw.mutable_data<T>());
          }
          if (kept_w.defined()) {
            dx = Tensor::empty({g.n, g.in_h, g.in_w, g.in_channels}, dy.dtype(), D);
            kernels::conv2d_backward_input<D, T>(g, dy.data<T>(), kept_w.value().data<T>(), nullptr,
                                                 dx.mutable_data<T>());
          }
          if (want_db) {
            db = Tensor::empty({g.out_channels}, dy.dtype(), D);
            const int64_t images = PIXELGRAD_MUTANT(conv2d_bias_gradient_of_one_image, g.n, 1);
            kernels::sum_over_pixels<D, T>(images * g.out_h * g.out_w, g.out_channels, dy.data<T>(),
                                           db.mutable_data<T>());
          }
        });
        return {dx, dw, db};
      });
}

}  // namespace pixelgrad

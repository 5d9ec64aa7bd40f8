#include "autograd/ops/conv2d.h"

#include <algorithm>
#include <string>
#include <utility>

#include "autograd/graph.h"
#include "autograd/ops/checks_internal.h"
#include "autograd/ops/concat.h"
#include "autograd/ops/conv2d_internal.h"
#include "autograd/saved.h"
#include "autograd/trace.h"
#include "tensor/dispatch.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad {
namespace {

/// Of the convolution of all inputs' channels.
kernels::Conv2dGeometry geometry_of(const std::vector<Tensor>& inputs, const Tensor& weight,
                                    const Tensor& bias, const Conv2dSpec& spec) {
  if (inputs.empty()) throw Error("[conv2d] got no inputs, expected at least one");
  const Tensor& x = inputs[0];
  detail::check_conv_inputs("conv2d", x, weight, bias,
                            {spec.stride, spec.padding, spec.dilation, spec.groups});
  const Shape &xs = x.shape(), &ws = weight.shape();
  int64_t channels = xs[3];
  for (size_t i = 1; i < inputs.size(); ++i) {
    const Tensor& other = inputs[i];
    check_activation("conv2d", "input", other);
    check_same_kind("conv2d", "the first input", x, "another", other);
    const Shape& os = other.shape();
    check(os.size() == 4 && std::equal(os.begin(), os.begin() + 3, xs.begin()) && os[3] > 0,
          "[conv2d] input ", i, " is ", os, ", expected ", xs, " up to the channels");
    channels += os[3];
  }
  const auto shapes = [&] {
    std::string text = " (";
    for (const Tensor& input : inputs) text += str("input ", input.shape(), ", ");
    return text + str("weight ", ws, ")");
  };
  if (channels != ws[3] * spec.groups)
    throw Error(str("[conv2d] ", inputs.size() == 1 ? "input has " : "inputs have ", channels,
                    " channels, weight expects ", ws[3] * spec.groups, shapes()));
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
          .in_channels = channels,
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
  return conv2d(std::vector<Tensor>{x}, weight, bias, spec);
}

Tensor conv2d(const std::vector<Tensor>& inputs, const Tensor& weight, const Tensor& bias,
              const Conv2dSpec& spec) {
  const kernels::Conv2dGeometry g = geometry_of(inputs, weight, bias, spec);
  if (g.groups > 1 && inputs.size() > 1) return conv2d(concat(inputs), weight, bias, spec);
  Tensor y =
      Tensor::empty({g.n, g.out_h, g.out_w, g.out_channels}, inputs[0].dtype(), inputs[0].device());
  dispatch_activation(y, [&]<Device D, class T>() {
    using Weight = compute_t<T>;
    std::vector<kernels::Conv2dInput<T>> read;
    for (const Tensor& x : inputs) read.push_back({x.data<T>(), x.shape()[3]});
    kernels::conv2d_forward<D, T>(g, read, weight.data<Weight>(),
                                  bias.defined() ? bias.data<Weight>() : nullptr,
                                  y.mutable_data<T>());
  });

  // y = conv(x, w) + b is linear in each:
  //   dx = the transposed convolution of dy by w
  //   dw[co, r, s, ci] = sum over output pixels of dy[pixel, co] x[what tap (r, s) reads, ci]
  //   db = sum of dy over pixels
  // Of several inputs each has its channels ci of w and dw.
  struct Input {
    int64_t channels;
    bool wanted;
    SavedTensor kept;
  };
  const bool want_dw = needs_grad(weight), want_db = needs_grad(bias);
  bool want_dx = false;
  std::vector<Input> parts;
  std::vector<Tensor> all = inputs;
  for (const Tensor& x : inputs) {
    parts.push_back({x.shape()[3], needs_grad(x), SavedTensor(want_dw ? x : Tensor())});
    want_dx |= parts.back().wanted;
  }
  all.push_back(weight);
  all.push_back(bias);
  const SavedTensor kept_w(want_dx ? weight : Tensor());
  const auto axis = [](int64_t kernel, int64_t dilation, int64_t stride, int64_t pad) -> TraceAxis {
    const int64_t span = dilation * (kernel - 1) + 1;
    return {.span = span, .step = 1.0 * stride, .reads = [=](int64_t out) -> PixelRange {
              return {out * stride - pad, out * stride - pad + span - 1};
            }};
  };
  trace_window([&] {
    return TraceWindow{axis(g.kernel_h, g.dilation_h, g.stride_h, g.pad_top),
                       axis(g.kernel_w, g.dilation_w, g.stride_w, g.pad_left)};
  });
  return record(
      "conv2d", y, all,
      [g, parts = std::move(parts), kept_w, want_dw, want_db](const Tensor& dy) -> Grads {
        Grads grads(parts.size() + 2);
        Tensor &dw = grads[parts.size()], &db = grads[parts.size() + 1];
        // f(i, g of input i, its first channel)
        const auto for_each_input = [&](const auto& f) {
          int64_t first = 0;
          for (size_t i = 0; i < parts.size(); ++i) {
            kernels::Conv2dGeometry part = g;
            part.in_channels = parts[i].channels;
            part.weight_channels = g.weight_row();
            f(i, part, first);
            first += parts[i].channels;
          }
        };
        const Dtype weight_dtype = compute_dtype(dy.dtype());
        dispatch_activation(dy, [&]<Device D, class T>() {
          using Weight = compute_t<T>;
          // First what reads x: a value computed again for it is gone before dx is asked for.
          if (want_dw) {
            dw = Tensor::empty({g.out_channels, g.kernel_h, g.kernel_w, g.weight_row()},
                               weight_dtype, D);
            for_each_input([&](size_t i, const kernels::Conv2dGeometry& part, int64_t first) {
              kernels::conv2d_backward_weight<D, T>(part, parts[i].kept.value().data<T>(),
                                                    dy.data<T>(),
                                                    dw.mutable_data<Weight>() + first);
            });
          }
          if (kept_w.defined()) {
            const Tensor w = kept_w.value();
            for_each_input([&](size_t i, const kernels::Conv2dGeometry& part, int64_t first) {
              if (!parts[i].wanted) return;
              grads[i] = Tensor::empty({g.n, g.in_h, g.in_w, part.in_channels}, dy.dtype(), D);
              const Weight* columns =
                  w.data<Weight>() + PIXELGRAD_MUTANT(conv2d_inputs_share_a_gradient, first, 0);
              kernels::conv2d_backward_input<D, T>(part, dy.data<T>(), columns, nullptr,
                                                   grads[i].mutable_data<T>());
            });
          }
          if (want_db) {
            db = Tensor::empty({g.out_channels}, weight_dtype, D);
            const int64_t images = PIXELGRAD_MUTANT(conv2d_bias_gradient_of_one_image, g.n, 1);
            kernels::sum_over_pixels<D, T>(images * g.out_h * g.out_w, g.out_channels, dy.data<T>(),
                                           db.mutable_data<Weight>());
          }
        });
        return grads;
      });
}

}  // namespace pixelgrad

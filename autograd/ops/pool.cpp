#include "autograd/ops/pool.h"

#include "autograd/ops/checks_internal.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/pool.h"

namespace pixelgrad {
namespace {

kernels::Pool2dGeometry pool_geometry(const char* op, const Tensor& x, int64_t kernel,
                                      int64_t stride, int64_t padding, int64_t dilation) {
  check_image(op, x);
  check(kernel >= 1 && stride >= 0 && dilation >= 1, "[", op, "] kernel_size ", kernel, ", stride ",
        stride, ", dilation ", dilation, ", expected at least 1, 0 and 1");
  check(padding >= 0 && padding <= kernel / 2, "[", op, "] padding is ", padding,
        ", expected 0 to kernel_size / 2 = ", kernel / 2);
  kernels::Pool2dGeometry g{.n = x.shape(0),
                            .in_h = x.shape(1),
                            .in_w = x.shape(2),
                            .channels = x.shape(3),
                            .kernel = kernel,
                            .stride = stride == 0 ? kernel : stride,
                            .padding = padding,
                            .dilation = dilation};
  g.out_h = kernels::pool_output_size(g.in_h, kernel, g.stride, padding, dilation);
  g.out_w = kernels::pool_output_size(g.in_w, kernel, g.stride, padding, dilation);
  check(g.out_h >= 1 && g.out_w >= 1, "[", op, "] input ", x.shape(), " with padding ", padding,
        " is smaller than the window of ", dilation * (kernel - 1) + 1);
  return g;
}

Shape output_shape(const kernels::Pool2dGeometry& g) { return {g.n, g.out_h, g.out_w, g.channels}; }
Shape input_shape(const kernels::Pool2dGeometry& g) { return {g.n, g.in_h, g.in_w, g.channels}; }

template <class Index>
Tensor max_pool(const kernels::Pool2dGeometry& g, const Tensor& x) {
  Tensor y = Tensor::empty(output_shape(g), x.dtype(), x.device());
  Tensor argmax;
  if (grad_enabled() && needs_grad(x))
    argmax = Tensor::empty(output_shape(g), dtype_of<Index>, x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::max_pool2d_forward<D, T, Index>(g, x.data<T>(), y.mutable_data<T>(),
                                             argmax ? argmax.mutable_data<Index>() : nullptr);
  });
  return record("max_pool2d", y, {x}, [g, argmax](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty(input_shape(g), dy.dtype(), dy.device());
    dispatch(dy, [&]<Device D, class T>() {
      kernels::max_pool2d_backward<D, T, Index>(g, dy.data<T>(), argmax.data<Index>(),
                                                dx.mutable_data<T>());
    });
    return {dx};
  });
}

}  // namespace

Tensor max_pool2d(const Tensor& x, const MaxPool2dSpec& spec) {
  const auto g =
      pool_geometry("max_pool2d", x, spec.kernel_size, spec.stride, spec.padding, spec.dilation);
  return g.kernel <= 16 ? max_pool<uint8_t>(g, x) : max_pool<int32_t>(g, x);
}

Tensor avg_pool2d(const Tensor& x, const AvgPool2dSpec& spec) {
  const auto g = pool_geometry("avg_pool2d", x, spec.kernel_size, spec.stride, spec.padding, 1);
  Tensor y = Tensor::empty(output_shape(g), x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::avg_pool2d_forward<D, T>(g, spec.count_include_pad, x.data<T>(), y.mutable_data<T>());
  });
  return record("avg_pool2d", y, {x},
                [g, count_include_pad = spec.count_include_pad](const Tensor& dy) -> Grads {
                  Tensor dx = Tensor::empty(input_shape(g), dy.dtype(), dy.device());
                  dispatch(dy, [&]<Device D, class T>() {
                    kernels::avg_pool2d_backward<D, T>(g, count_include_pad, dy.data<T>(),
                                                       dx.mutable_data<T>());
                  });
                  return {dx};
                });
}

}  // namespace pixelgrad

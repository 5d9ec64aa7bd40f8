#include "autograd/ops/activation.h"

#include "autograd/ops/checks_internal.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/elementwise.h"

namespace pixelgrad {
namespace {

Tensor rectify(const char* op, const Tensor& x, double slope) {
  check_floating(op, "input", x);
  Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::leaky_relu_forward<D, T>(x.numel(), x.data<T>(), slope, y.mutable_data<T>());
  });
  return record(op, y, {x}, [y, slope](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty(y.shape(), y.dtype(), y.device());
    dispatch(y, [&]<Device D, class T>() {
      kernels::leaky_relu_backward<D, T>(y.numel(), y.data<T>(), dy.data<T>(), slope,
                                         dx.mutable_data<T>());
    });
    return {dx};
  });
}

}  // namespace

Tensor relu(const Tensor& x) { return rectify("relu", x, 0); }

Tensor leaky_relu(const Tensor& x, double slope) {
  check(slope >= 0, "[leaky_relu] slope is ", slope, ", expected at least 0");
  return rectify("leaky_relu", x, slope);
}

Tensor sigmoid(const Tensor& x) {
  check_floating("sigmoid", "input", x);
  Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::sigmoid_forward<D, T>(x.numel(), x.data<T>(), y.mutable_data<T>());
  });
  // dx = dy y (1 - y)
  return record("sigmoid", y, {x}, [y](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty(y.shape(), y.dtype(), y.device());
    dispatch(y, [&]<Device D, class T>() {
      kernels::sigmoid_backward<D, T>(y.numel(), y.data<T>(), dy.data<T>(), dx.mutable_data<T>());
    });
    return {dx};
  });
}

}  // namespace pixelgrad

#include "autograd/ops/log_softmax.h"

#include "autograd/ops/checks_internal.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/softmax.h"

namespace pixelgrad {
namespace {

int64_t classes_of(const char* op, const Tensor& x) {
  check_floating(op, "input", x);
  check(x.dims() >= 1 && x.shape(-1) >= 1, "[", op, "] input is ", x.shape(),
        ", expected classes in the last dimension");
  return x.shape(-1);
}

}  // namespace

Tensor log_softmax(const Tensor& x) {
  const int64_t classes = classes_of("log_softmax", x), rows = x.numel() / classes;
  Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::log_softmax_forward<D, T>(rows, classes, x.data<T>(), y.mutable_data<T>());
  });
  // dx = dy - exp(y) sum dy
  return record("log_softmax", y, {x}, [y, rows, classes](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty(y.shape(), y.dtype(), y.device());
    dispatch(y, [&]<Device D, class T>() {
      kernels::log_softmax_backward<D, T>(rows, classes, y.data<T>(), dy.data<T>(),
                                          dx.mutable_data<T>());
    });
    return {dx};
  });
}

Tensor softmax(const Tensor& x) {
  const int64_t classes = classes_of("softmax", x), rows = x.numel() / classes;
  Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::softmax_forward<D, T>(rows, classes, x.data<T>(), y.mutable_data<T>());
  });
  // dx = y (dy - sum dy y)
  return record("softmax", y, {x}, [y, rows, classes](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty(y.shape(), y.dtype(), y.device());
    dispatch(y, [&]<Device D, class T>() {
      kernels::softmax_backward<D, T>(rows, classes, y.data<T>(), dy.data<T>(),
                                      dx.mutable_data<T>());
    });
    return {dx};
  });
}

}  // namespace pixelgrad

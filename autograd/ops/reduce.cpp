#include "autograd/ops/reduce.h"

#include "autograd/ops/checks_internal.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/elementwise.h"

namespace pixelgrad {
namespace {

/// factor * sum(x); dx = factor * dy for every element.
Tensor scaled_sum(const char* op, const Tensor& x, double factor) {
  const double total =
      dispatch(x, [&]<Device D, class T>() { return kernels::sum<D, T>(x.numel(), x.data<T>()); });
  return record(op, Tensor::scalar(factor * total, x.dtype(), x.device()), {x},
                [shape = x.shape(), factor](const Tensor& dy) -> Grads {
                  Tensor dx = Tensor::empty(shape, dy.dtype(), dy.device());
                  dispatch(dy, [&]<Device D, class T>() {
                    kernels::broadcast<D, T>(dx.numel(), dy.data<T>(), factor,
                                             dx.mutable_data<T>());
                  });
                  return {dx};
                });
}

}  // namespace

Tensor sum(const Tensor& x) {
  check_floating("sum", "input", x);
  return scaled_sum("sum", x, 1);
}

Tensor mean(const Tensor& x) {
  check_floating("mean", "input", x);
  check(x.numel() > 0, "[mean] input ", x.shape(), " is empty");
  return scaled_sum("mean", x, 1 / static_cast<double>(x.numel()));
}

}  // namespace pixelgrad

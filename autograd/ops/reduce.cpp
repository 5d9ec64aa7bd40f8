#include "autograd/ops/reduce.h"

#include "autograd/ops/checks_internal.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/reduce.h"
#include "tensor/mutant_internal.h"

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

/// What a reduction over axes gives: the shape with the reduced axes at size 1, and without them.
struct ReducedShape {
  Shape kept, result;
  int64_t count = 1;  ///< of values that become one
};

ReducedShape reduced_shape(const char* op, const Shape& x, const std::vector<int>& axes,
                           bool keepdim) {
  const int dims = static_cast<int>(x.size());
  std::vector<bool> reduced(x.size(), axes.empty());
  for (const int axis : axes) {
    check(axis >= -dims && axis < dims, "[", op, "] axis ", axis, " of an input ", x, ", expected ",
          -dims, " to ", dims - 1);
    const auto at = static_cast<size_t>(axis < 0 ? axis + dims : axis);
    check(!reduced[at], "[", op, "] axis ", axis, " is given twice (input ", x, ")");
    reduced[at] = true;
  }
  ReducedShape shape;
  for (size_t i = 0; i < x.size(); ++i) {
    shape.kept.push_back(reduced[i] ? 1 : x[i]);
    if (reduced[i]) shape.count *= x[i];
    if (keepdim || !reduced[i]) shape.result.push_back(shape.kept.back());
  }
  return shape;
}

/// factor * sum over axes; dx = factor * dy, repeated.
Tensor scaled_sum(const char* op, const Tensor& x, const ReducedShape& shape, double factor) {
  const kernels::BroadcastAxes axes = kernels::broadcast_axes(shape.kept, x.shape());
  Tensor y = Tensor::empty(shape.result, x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::reduce_sum<D, T>(axes, x.data<T>(), factor, y.mutable_data<T>());
  });
  return record(op, y, {x}, [axes, x_shape = x.shape(), factor](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty(x_shape, dy.dtype(), dy.device());
    dispatch(dy, [&]<Device D, class T>() {
      kernels::expand<D, T>({dy.data<T>(), axes}, factor, dx.mutable_data<T>());
    });
    return {dx};
  });
}

}  // namespace

Tensor sum(const Tensor& x) {
  check_floating("sum", "input", x);
  return scaled_sum("sum", x, 1);
}

Tensor sum(const Tensor& x, const std::vector<int>& axes, bool keepdim) {
  check_floating("sum", "input", x);
  return scaled_sum("sum", x, reduced_shape("sum", x.shape(), axes, keepdim), 1);
}

Tensor mean(const Tensor& x) {
  check_floating("mean", "input", x);
  check(x.numel() > 0, "[mean] input ", x.shape(), " is empty");
  return scaled_sum("mean", x, 1 / static_cast<double>(x.numel()));
}

Tensor mean(const Tensor& x, const std::vector<int>& axes, bool keepdim) {
  check_floating("mean", "input", x);
  const ReducedShape shape = reduced_shape("mean", x.shape(), axes, keepdim);
  check(shape.count > 0, "[mean] over no values of an input ", x.shape());
  const int64_t count = PIXELGRAD_MUTANT(mean_over_axes_counts_everything, shape.count, x.numel());
  return scaled_sum("mean", x, shape, 1 / static_cast<double>(count));
}

Tensor max(const Tensor& x, const std::vector<int>& axes, bool keepdim) {
  check_floating("max", "input", x);
  const ReducedShape shape = reduced_shape("max", x.shape(), axes, keepdim);
  check(shape.count > 0, "[max] over no values of an input ", x.shape());
  Tensor y = Tensor::empty(shape.result, x.dtype(), x.device());
  Tensor index = Tensor::empty(shape.result, Dtype::i64, x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::reduce_max<D, T>(kernels::broadcast_axes(shape.kept, x.shape()), x.data<T>(),
                              y.mutable_data<T>(), index.mutable_data<int64_t>());
  });
  return record("max", y, {x}, [index, x_shape = x.shape()](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty(x_shape, dy.dtype(), dy.device());
    dispatch(dy, [&]<Device D, class T>() {
      kernels::reduce_max_backward<D, T>(dx.numel(), dy.numel(), dy.data<T>(),
                                         index.data<int64_t>(), dx.mutable_data<T>());
    });
    return {dx};
  });
}

}  // namespace pixelgrad

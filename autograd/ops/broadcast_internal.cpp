#include "autograd/ops/broadcast_internal.h"

#include "tensor/dispatch.h"
#include "tensor/kernels/reduce.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad {

Shape broadcast_shape(const char* op, const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape shape = longer;
  const size_t missing = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    const int64_t x = longer[missing + i], y = shorter[i];
    check(x == y || x == 1 || y == 1, "[", op, "] operands are ", a, " and ", b,
          ", expected equal sizes, or 1, from the last dimension on");
    shape[missing + i] = x == 1 ? y : x;
  }
  return shape;
}

Tensor sum_to(const Tensor& dy, const Shape& shape) {
  if (dy.shape() == shape) return dy;
  if (dy.dtype() == Dtype::bf16) return sum_to(dy.to(Dtype::f32), shape).to(Dtype::bf16);
  Tensor dx = Tensor::empty(shape, dy.dtype(), dy.device());
  const kernels::BroadcastAxes axes = kernels::broadcast_axes(shape, dy.shape());
  const double factor =
      PIXELGRAD_MUTANT(broadcast_gradient_is_a_mean, 1.0, 1.0 * dx.numel() / dy.numel());
  dispatch(dy, [&]<Device D, class T>() {
    kernels::reduce_sum<D, T>(axes, dy.data<T>(), factor, dx.mutable_data<T>());
  });
  return dx;
}

}  // namespace pixelgrad

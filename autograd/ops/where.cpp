#include "autograd/ops/where.h"

#include "autograd/ops/broadcast_internal.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/binary.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad {
namespace {

/// a where the condition holds, else b; all three broadcast to `shape`.
[[nodiscard]] Tensor chosen(const Tensor& condition, const Tensor& a, const Tensor& b,
                            const Shape& shape) {
  Tensor y = Tensor::empty(shape, a.dtype(), a.device());
  dispatch(a, [&]<Device D, class T>() {
    kernels::where<D, T>(y.numel(), operand<uint8_t>(condition, shape), operand<T>(a, shape),
                         operand<T>(b, shape), y.mutable_data<T>());
  });
  return y;
}

}  // namespace

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  check(condition.defined(), "[where] condition is undefined");
  check(condition.dtype() == Dtype::u8, "[where] condition holds ", condition.dtype(),
        ", expected u8");
  check_floating("where", "left operand", a);
  check_floating("where", "right operand", b);
  check_same_kind("where", "left operand", a, "right operand", b);
  check(condition.device() == a.device(), "[where] condition lies on ", condition.device(),
        " and the operands on ", a.device(), ", expected one device");
  const Shape shape =
      broadcast_shape("where", condition.shape(), broadcast_shape("where", a.shape(), b.shape()));
  // da = dy where the condition holds, db = dy where it does not
  return record("where", chosen(condition, a, b, shape), {a, b},
                [condition = condition.detach(), a_wanted = needs_grad(a), b_wanted = needs_grad(b),
                 a_shape = a.shape(), b_shape = b.shape()](const Tensor& dy) -> Grads {
                  const Tensor zero = Tensor::scalar(0, dy.dtype(), dy.device());
                  const auto side = [&](const Tensor& yes, const Tensor& no, const Shape& shape) {
                    return sum_to(chosen(condition, yes, no, dy.shape()), shape);
                  };
                  return {a_wanted
                              ? PIXELGRAD_MUTANT(where_backward_of_the_other_side,
                                                 side(dy, zero, a_shape), side(zero, dy, a_shape))
                              : Tensor(),
                          b_wanted ? side(zero, dy, b_shape) : Tensor()};
                });
}

}  // namespace pixelgrad

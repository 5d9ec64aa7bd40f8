#include "autograd/ops/arithmetic.h"

#include "autograd/ops/broadcast_internal.h"
#include "autograd/ops/unary_internal.h"
#include "autograd/saved.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/binary.h"
#include "tensor/kernels/elementwise.h"

namespace pixelgrad {
namespace {

using kernels::BinaryOp;
using kernels::BinaryReads;
using kernels::Side;

/// What a backward reads of the operands and the output; undefined where no gradient does.
struct Values {
  Tensor a, b, y;
};

/// The gradient of one side, of the output's shape.
Tensor gradient(BinaryOp op, Side side, const Values& values, const Tensor& dy) {
  // Nothing is read: dy itself, up to the sign.
  if (op == BinaryOp::add || (op == BinaryOp::sub && side == Side::left)) return dy;
  Tensor dx = Tensor::empty(dy.shape(), dy.dtype(), dy.device());
  dispatch_activation(dy, [&]<Device D, class T>() {
    kernels::binary_backward<D, T>(
        op, side, dy.numel(), operand<T>(values.a, dy.shape()), operand<T>(values.b, dy.shape()),
        values.y ? values.y.data<T>() : nullptr, dy.data<T>(), dx.mutable_data<T>());
  });
  return dx;
}

/// Whether the gradient stays right where the values that it reads are rounded to bf16, and summed
/// over what was repeated: not where it is a difference of quotients.
bool takes_bf16(BinaryOp op) {
  return op == BinaryOp::add || op == BinaryOp::sub || op == BinaryOp::mul;
}

Tensor apply_binary(const char* name, BinaryOp op, const Tensor& a, const Tensor& b) {
  const auto check_operand = takes_bf16(op) ? check_activation : check_floating;
  check_operand(name, "left operand", a);
  check_operand(name, "right operand", b);
  check_same_kind(name, "left operand", a, "right operand", b);
  const Shape shape = broadcast_shape(name, a.shape(), b.shape());
  Tensor y = Tensor::empty(shape, a.dtype(), a.device());
  dispatch_activation(a, [&]<Device D, class T>() {
    kernels::binary_forward<D, T>(op, y.numel(), operand<T>(a, shape), operand<T>(b, shape),
                                  y.mutable_data<T>());
  });

  const bool da_wanted = needs_grad(a), db_wanted = needs_grad(b);
  const BinaryReads left = da_wanted ? kernels::backward_reads(op, Side::left) : BinaryReads{};
  const BinaryReads right = db_wanted ? kernels::backward_reads(op, Side::right) : BinaryReads{};
  const SavedTensor saved_a(left.left || right.left ? a : Tensor());
  const SavedTensor saved_b(left.right || right.right ? b : Tensor());
  const SavedTensor saved_y(left.output || right.output ? y : Tensor());
  return record(
      name, y, {a, b},
      [op, saved_a, saved_b, saved_y, da_wanted, db_wanted, a_shape = a.shape(),
       b_shape = b.shape()](const Tensor& dy) -> Grads {
        const Values values{saved_a.value(), saved_b.value(), saved_y.value()};
        return {da_wanted ? sum_to(gradient(op, Side::left, values, dy), a_shape) : Tensor(),
                db_wanted ? sum_to(gradient(op, Side::right, values, dy), b_shape) : Tensor()};
      });
}

Tensor scaled(const Tensor& x, double factor) {
  Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::scale<D, T>(x.numel(), x.data<T>(), factor, y.mutable_data<T>());
  });
  return y;
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) { return apply_binary("add", BinaryOp::add, a, b); }
Tensor sub(const Tensor& a, const Tensor& b) { return apply_binary("sub", BinaryOp::sub, a, b); }
Tensor mul(const Tensor& a, const Tensor& b) { return apply_binary("mul", BinaryOp::mul, a, b); }
Tensor div(const Tensor& a, const Tensor& b) { return apply_binary("div", BinaryOp::div, a, b); }
Tensor pow(const Tensor& base, const Tensor& exponent) {
  return apply_binary("pow", BinaryOp::pow, base, exponent);
}

Tensor pow(const Tensor& x, double exponent) {
  return apply_unary("pow", kernels::UnaryOp::pow, x, {.first = exponent});
}

Tensor scale(const Tensor& x, double factor) {
  check_floating("scale", "input", x);
  return record("scale", scaled(x, factor), {x},
                [factor](const Tensor& dy) -> Grads { return {scaled(dy, factor)}; });
}

}  // namespace pixelgrad

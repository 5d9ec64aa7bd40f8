#include "autograd/ops/arithmetic.h"

#include "autograd/ops/checks_internal.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/elementwise.h"

namespace pixelgrad {
namespace {

void check_pair(const char* op, const Tensor& a, const Tensor& b) {
  check_floating(op, "left operand", a);
  check_floating(op, "right operand", b);
  check(a.shape() == b.shape(), "[", op, "] operands are ", a.shape(), " and ", b.shape(),
        ", expected one shape");
  check_same_kind(op, "left operand", a, "right operand", b);
}

Tensor product(const Tensor& a, const Tensor& b) {
  Tensor y = Tensor::empty(a.shape(), a.dtype(), a.device());
  dispatch(a, [&]<Device D, class T>() {
    kernels::mul<D, T>(a.numel(), a.data<T>(), b.data<T>(), y.mutable_data<T>());
  });
  return y;
}

Tensor scaled(const Tensor& x, double factor) {
  Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::scale<D, T>(x.numel(), x.data<T>(), factor, y.mutable_data<T>());
  });
  return y;
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  check_pair("add", a, b);
  Tensor y = Tensor::empty(a.shape(), a.dtype(), a.device());
  dispatch(a, [&]<Device D, class T>() {
    kernels::add<D, T>(a.numel(), a.data<T>(), b.data<T>(), y.mutable_data<T>());
  });
  return record("add", y, {a, b}, [](const Tensor& dy) -> Grads { return {dy, dy}; });
}

Tensor mul(const Tensor& a, const Tensor& b) {
  check_pair("mul", a, b);
  // da = dy b, db = dy a
  return record("mul", product(a, b), {a, b},
                [a = needs_grad(b) ? a.detach() : Tensor(),
                 b = needs_grad(a) ? b.detach() : Tensor()](const Tensor& dy) -> Grads {
                  return {b ? product(dy, b) : Tensor(), a ? product(dy, a) : Tensor()};
                });
}

Tensor scale(const Tensor& x, double factor) {
  check_floating("scale", "input", x);
  return record("scale", scaled(x, factor), {x},
                [factor](const Tensor& dy) -> Grads { return {scaled(dy, factor)}; });
}

}  // namespace pixelgrad

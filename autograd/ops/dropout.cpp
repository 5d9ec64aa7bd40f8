#include "autograd/ops/dropout.h"

#include "autograd/ops/broadcast_internal.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/binary.h"
#include "tensor/kernels/dropout.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad {
namespace {

Tensor masked(const Tensor& x, double p, const RandomKey& key) {
  Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch_activation(x, [&]<Device D, class T>() {
    kernels::dropout<D, T>(x.numel(), x.data<T>(), p, key, y.mutable_data<T>());
  });
  return y;
}

/// x times a mask [N,1,1,C] of 0 and 1 / (1 - p).
Tensor masked_channels(const Tensor& x, double p, const RandomKey& key) {
  // A bf16 mask would round 1 / (1 - p), to one side for every value.
  if (x.dtype() == Dtype::bf16) return masked_channels(x.to(Dtype::f32), p, key).to(Dtype::bf16);
  const Shape channels = {x.shape(0), 1, 1, x.shape(3)};
  const Tensor ones = Tensor::full(channels, PIXELGRAD_MUTANT(dropout2d_does_not_scale, 1, 1 - p),
                                   x.dtype(), x.device());
  const Tensor mask = masked(ones, p, key);
  Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::binary_forward<D, T>(kernels::BinaryOp::mul, x.numel(), operand<T>(x, x.shape()),
                                  operand<T>(mask, x.shape()), y.mutable_data<T>());
  });
  return y;
}

void check_probability(const char* op, double p) {
  check(p >= 0 && p <= 1, "[", op, "] p is ", p, ", expected 0 to 1");
}

}  // namespace

Tensor dropout(const Tensor& x, double p, bool training, const RandomKey& key) {
  check_activation("dropout", "input", x);
  check_probability("dropout", p);
  if (!training || p == 0) return x;
  return record("dropout", masked(x, p, key), {x},
                [p, key](const Tensor& dy) -> Grads { return {masked(dy, p, key)}; });
}

Tensor dropout2d(const Tensor& x, double p, bool training, const RandomKey& key) {
  check_image("dropout2d", x);
  check_probability("dropout2d", p);
  if (!training || p == 0) return x;
  return record("dropout2d", masked_channels(x, p, key), {x},
                [p, key](const Tensor& dy) -> Grads { return {masked_channels(dy, p, key)}; });
}

}  // namespace pixelgrad

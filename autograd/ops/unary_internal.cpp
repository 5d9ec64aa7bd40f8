#include "autograd/ops/unary_internal.h"

#include "autograd/ops/checks_internal.h"
#include "autograd/saved.h"
#include "tensor/dispatch.h"

namespace pixelgrad {
namespace {

/// Whether the gradient stays right where the values that it reads are rounded to bf16: these ask
/// for the sign alone.
bool takes_bf16(kernels::UnaryOp op) {
  return op == kernels::UnaryOp::relu || op == kernels::UnaryOp::leaky_relu;
}

}  // namespace

Tensor apply_unary(const char* op, kernels::UnaryOp formula, const Tensor& x,
                   const kernels::UnaryParameters& parameters) {
  if (takes_bf16(formula))
    check_activation(op, "input", x);
  else
    check_floating(op, "input", x);
  Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch_activation(x, [&]<Device D, class T>() {
    kernels::unary_forward<D, T>(formula, parameters, x.numel(), x.data<T>(), y.mutable_data<T>());
  });
  return record(
      op, y, {x},
      [formula, parameters, saved = SavedTensor(kernels::backward_reads_output(formula) ? y : x)](
          const Tensor& dy) -> Grads {
        Tensor dx = overwritable(dy);
        dispatch_activation(dy, [&]<Device D, class T>() {
          kernels::unary_backward<D, T>(formula, parameters, dy.numel(), saved.value().data<T>(),
                                        dy.data<T>(), dx.mutable_data<T>());
        });
        return {dx};
      });
}

}  // namespace pixelgrad

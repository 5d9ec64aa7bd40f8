#include "autograd/ops/unary_internal.h"

#include "autograd/ops/checks_internal.h"
#include "autograd/saved.h"
#include "tensor/dispatch.h"

namespace pixelgrad {

Tensor apply_unary(const char* op, kernels::UnaryOp formula, const Tensor& x,
                   const kernels::UnaryParameters& parameters) {
  check_floating(op, "input", x);
  Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::unary_forward<D, T>(formula, parameters, x.numel(), x.data<T>(), y.mutable_data<T>());
  });
  return record(
      op, y, {x},
      [formula, parameters, saved = SavedTensor(kernels::backward_reads_output(formula) ? y : x)](
          const Tensor& dy) -> Grads {
        Tensor dx = overwritable(dy);
        dispatch(dy, [&]<Device D, class T>() {
          kernels::unary_backward<D, T>(formula, parameters, dy.numel(), saved.value().data<T>(),
                                        dy.data<T>(), dx.mutable_data<T>());
        });
        return {dx};
      });
}

}  // namespace pixelgrad

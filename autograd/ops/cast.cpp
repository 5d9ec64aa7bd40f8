#include "autograd/ops/cast.h"

#include "autograd/ops/checks_internal.h"

namespace pixelgrad {

Tensor cast(const Tensor& x, Dtype dtype) {
  check_activation("cast", "input", x);
  check(is_activation(dtype), "[cast] to ", dtype, ", expected f32, f64 or bf16");
  if (x.dtype() == dtype) return x;
  return record("cast", x.to(dtype), {x},
                [from = x.dtype()](const Tensor& dy) -> Grads { return {dy.to(from)}; });
}

}  // namespace pixelgrad

#include "autograd/ops/dropout.h"

#include "autograd/ops/checks_internal.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/dropout.h"

namespace pixelgrad {
namespace {

Tensor masked(const Tensor& x, double p, const RandomKey& key) {
  Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::dropout<D, T>(x.numel(), x.data<T>(), p, key, y.mutable_data<T>());
  });
  return y;
}

}  // namespace

Tensor dropout(const Tensor& x, double p, bool training, const RandomKey& key) {
  check_floating("dropout", "input", x);
  check(p >= 0 && p <= 1, "[dropout] p is ", p, ", expected 0 to 1");
  if (!training || p == 0) return x;
  return record("dropout", masked(x, p, key), {x},
                [p, key](const Tensor& dy) -> Grads { return {masked(dy, p, key)}; });
}

}  // namespace pixelgrad

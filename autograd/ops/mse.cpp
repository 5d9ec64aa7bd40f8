#include "autograd/ops/mse.h"

#include "autograd/ops/checks_internal.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/loss.h"

namespace pixelgrad {
namespace {

/// 2 (a - b) dloss / n
Tensor mse_gradient(const Tensor& a, const Tensor& b, const Tensor& dloss) {
  Tensor da = Tensor::empty(a.shape(), a.dtype(), a.device());
  dispatch(a, [&]<Device D, class T>() {
    kernels::mse_backward<D, T>(a.numel(), a.data<T>(), b.data<T>(), dloss.data<T>(),
                                da.mutable_data<T>());
  });
  return da;
}

}  // namespace

Tensor mse(const Tensor& x, const Tensor& target) {
  check_floating("mse", "input", x);
  check_floating("mse", "target", target);
  check(x.shape() == target.shape(), "[mse] input is ", x.shape(), " and target ", target.shape(),
        ", expected one shape");
  check_same_kind("mse", "input", x, "target", target);
  check(x.numel() > 0, "[mse] input ", x.shape(), " is empty");
  Tensor loss = Tensor::empty({}, x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::mse_forward<D, T>(x.numel(), x.data<T>(), target.data<T>(), loss.mutable_data<T>());
  });
  const bool dx_wanted = needs_grad(x), dtarget_wanted = needs_grad(target);
  return record("mse", loss, {x, target},
                [x = x.detach(), target = target.detach(), dx_wanted,
                 dtarget_wanted](const Tensor& dloss) -> Grads {
                  return {dx_wanted ? mse_gradient(x, target, dloss) : Tensor(),
                          dtarget_wanted ? mse_gradient(target, x, dloss) : Tensor()};
                });
}

}  // namespace pixelgrad

#include "autograd/ops/distance_loss.h"

#include "autograd/ops/checks_internal.h"
#include "autograd/saved.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/distance_loss.h"

namespace pixelgrad {
namespace {

/// Records the mean of f(x - target) for an even f, as both of these are: the target's gradient is
/// x's with the two exchanged. forward(x, target, loss) writes the value, backward(x, target,
/// dloss, dx) the gradient.
template <class Forward, class Backward>
Tensor mean_distance(const char* op, const Tensor& x, const Tensor& target, const Forward& forward,
                     const Backward& backward) {
  check_floating(op, "input", x);
  check_floating(op, "target", target);
  check(x.shape() == target.shape(), "[", op, "] input is ", x.shape(), " and target ",
        target.shape(), ", expected one shape");
  check_same_kind(op, "input", x, "target", target);
  check(x.numel() > 0, "[", op, "] input ", x.shape(), " is empty");
  Tensor loss = Tensor::empty({}, x.dtype(), x.device());
  forward(x, target, loss);
  return record(op, loss, {x, target},
                [saved_x = SavedTensor(x), saved_target = SavedTensor(target), backward,
                 dx_wanted = needs_grad(x),
                 dtarget_wanted = needs_grad(target)](const Tensor& dloss) -> Grads {
                  const Tensor x = saved_x.value(), target = saved_target.value();
                  const auto gradient = [&](const Tensor& a, const Tensor& b) {
                    Tensor da = Tensor::empty(a.shape(), a.dtype(), a.device());
                    backward(a, b, dloss, da);
                    return da;
                  };
                  return {dx_wanted ? gradient(x, target) : Tensor(),
                          dtarget_wanted ? gradient(target, x) : Tensor()};
                });
}

}  // namespace

// dx = 2 (x - target) dloss / n
Tensor mse(const Tensor& x, const Tensor& target) {
  return mean_distance(
      "mse", x, target,
      [](const Tensor& a, const Tensor& b, Tensor& loss) {
        dispatch(a, [&]<Device D, class T>() {
          kernels::mse_forward<D, T>(a.numel(), a.data<T>(), b.data<T>(), loss.mutable_data<T>());
        });
      },
      [](const Tensor& a, const Tensor& b, const Tensor& dloss, Tensor& da) {
        dispatch(a, [&]<Device D, class T>() {
          kernels::mse_backward<D, T>(a.numel(), a.data<T>(), b.data<T>(), dloss.data<T>(),
                                      da.mutable_data<T>());
        });
      });
}

// dx = sign(x - target) dloss / n
Tensor l1(const Tensor& x, const Tensor& target) {
  return mean_distance(
      "l1", x, target,
      [](const Tensor& a, const Tensor& b, Tensor& loss) {
        dispatch(a, [&]<Device D, class T>() {
          kernels::l1_forward<D, T>(a.numel(), a.data<T>(), b.data<T>(), loss.mutable_data<T>());
        });
      },
      [](const Tensor& a, const Tensor& b, const Tensor& dloss, Tensor& da) {
        dispatch(a, [&]<Device D, class T>() {
          kernels::l1_backward<D, T>(a.numel(), a.data<T>(), b.data<T>(), dloss.data<T>(),
                                     da.mutable_data<T>());
        });
      });
}

}  // namespace pixelgrad

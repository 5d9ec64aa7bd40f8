#include "optim/clip.h"

#include <vector>

#include "tensor/dispatch.h"
#include "tensor/kernels/optim.h"

namespace pixelgrad {
namespace {

std::vector<Tensor> defined_ones(std::span<const Tensor> gradients) {
  std::vector<Tensor> out;
  for (const Tensor& g : gradients) {
    if (!g.defined()) continue;
    out.push_back(g);
    check(g.dtype() == out[0].dtype() && g.device() == out[0].device(),
          "[gradient_norm] a gradient of ", g.dtype(), " on ", g.device(), " beside one of ",
          out[0].dtype(), " on ", out[0].device());
  }
  return out;
}

}  // namespace

double gradient_norm(std::span<const Tensor> gradients) {
  return device_gradient_norm(gradients).item();
}

Tensor device_gradient_norm(std::span<const Tensor> gradients) {
  const std::vector<Tensor> grads = defined_ones(gradients);
  if (grads.empty()) return Tensor::scalar(0, Dtype::f64);
  Tensor norm = Tensor::empty({}, Dtype::f64, grads[0].device());
  dispatch(grads[0], [&]<Device D, class T>() {
    std::vector<kernels::GradSlot<const T>> slots;
    for (const Tensor& g : grads) slots.push_back({g.numel(), g.data<T>()});
    kernels::gradient_norm<D, T>(slots, norm.mutable_data<double>());
  });
  return norm;
}

double clip_gradient_norm(std::span<Tensor> gradients, double max_norm) {
  return device_clip_gradient_norm(gradients, max_norm).item();
}

Tensor device_clip_gradient_norm(std::span<Tensor> gradients, double max_norm) {
  check<UsageError>(max_norm > 0, "[clip_gradient_norm] max_norm is ", max_norm,
                    ", expected more than 0");
  Tensor norm = device_gradient_norm(gradients);
  std::vector<Tensor> grads = defined_ones(gradients);
  if (grads.empty()) return norm;
  dispatch(grads[0], [&]<Device D, class T>() {
    std::vector<kernels::GradSlot<T>> slots;
    for (Tensor& g : grads) slots.push_back({g.numel(), g.mutable_data<T>()});
    kernels::clip_to_norm<D, T>(slots, norm.data<double>(), max_norm);
  });
  return norm;
}

}  // namespace pixelgrad

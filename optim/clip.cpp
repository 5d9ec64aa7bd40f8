#include "optim/clip.h"

#include <cmath>
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
  const std::vector<Tensor> grads = defined_ones(gradients);
  if (grads.empty()) return 0;
  return std::sqrt(dispatch(grads[0], [&]<Device D, class T>() {
    std::vector<kernels::GradSlot<const T>> slots;
    for (const Tensor& g : grads) slots.push_back({g.numel(), g.data<T>()});
    return kernels::sum_of_squares<D, T>(slots);
  }));
}

double clip_gradient_norm(std::span<Tensor> gradients, double max_norm) {
  check<UsageError>(max_norm > 0, "[clip_gradient_norm] max_norm is ", max_norm,
                    ", expected more than 0");
  const double norm = gradient_norm(gradients);
  const double factor = max_norm / (norm + 1e-6);
  if (!std::isfinite(norm) || factor >= 1) return norm;
  std::vector<Tensor> grads = defined_ones(gradients);
  dispatch(grads[0], [&]<Device D, class T>() {
    std::vector<kernels::GradSlot<T>> slots;
    for (Tensor& g : grads) slots.push_back({g.numel(), g.mutable_data<T>()});
    kernels::scale_all<D, T>(slots, factor);
  });
  return norm;
}

}  // namespace pixelgrad

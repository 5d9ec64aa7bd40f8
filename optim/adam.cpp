#include "optim/adam.h"

#include <cmath>
#include <limits>
#include <utility>

#include "tensor/dispatch.h"
#include "tensor/kernels/optim.h"

namespace pixelgrad {

Adam::Adam(std::string name, std::vector<NamedTensor> params, AdamOptions options, bool decoupled)
    : Optimizer(std::move(name), std::move(params), {"exp_avg", "exp_avg_sq"},
                options.weight_decay),
      options_(options),
      decoupled_(decoupled) {
  constexpr double any = std::numeric_limits<double>::infinity();
  check_option("beta1", options.beta1, 0, 1);
  check_option("beta2", options.beta2, 0, 1);
  check_option("eps", options.eps, 0, any);
  check_option("weight_decay", options.weight_decay, 0, any);
}

void Adam::apply(std::span<const Update> updates, const int32_t* halted) {
  const auto [beta1, beta2, eps, weight_decay] = options_;
  dispatch(updates[0].param, [&]<Device D, class T>() {
    std::vector<kernels::AdamSlot<T>> slots;
    slots.reserve(updates.size());
    for (const Update& u : updates) {
      const auto t = static_cast<double>(u.step);
      const kernels::AdamRule<T> rule{
          .step_size = static_cast<T>(u.lr / (1 - std::pow(beta1, t))),
          .beta1 = static_cast<T>(beta1),
          .one_minus_beta1 = static_cast<T>(1 - beta1),
          .beta2 = static_cast<T>(beta2),
          .one_minus_beta2 = static_cast<T>(1 - beta2),
          .eps = static_cast<T>(eps),
          .root_scale = static_cast<T>(1 / std::sqrt(1 - std::pow(beta2, t))),
          .weight_decay = static_cast<T>(decoupled_ ? 0 : u.weight_decay),
          .shrink = static_cast<T>(decoupled_ ? 1 - u.lr * u.weight_decay : 1),
      };
      slots.push_back({.n = u.param.numel(),
                       .rule = rule,
                       .grad = u.grad.data<T>(),
                       .param = u.param.mutable_data<T>(),
                       .mean = u.moments[0].mutable_data<T>(),
                       .square = u.moments[1].mutable_data<T>()});
    }
    kernels::adam_step<D, T>(slots, halted);
  });
}

}  // namespace pixelgrad

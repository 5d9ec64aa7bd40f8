#include "optim/sgd.h"

#include <limits>
#include <utility>

#include "tensor/dispatch.h"
#include "tensor/kernels/optim.h"

namespace pixelgrad {

Sgd::Sgd(std::vector<NamedTensor> params, SgdOptions options)
    : Optimizer("sgd", std::move(params),
                options.momentum != 0 ? std::vector<std::string>{"momentum_buffer"}
                                      : std::vector<std::string>{},
                options.weight_decay),
      options_(options) {
  constexpr double any = std::numeric_limits<double>::infinity();
  check_option("momentum", options.momentum, 0, 1);
  check_option("weight_decay", options.weight_decay, 0, any);
  check_option("dampening", options.dampening, 0, any);
  check<UsageError>(!options.nesterov || (options.momentum > 0 && options.dampening == 0),
                    "[sgd] nesterov with momentum ", options.momentum, " and dampening ",
                    options.dampening, ", expected momentum > 0 and dampening 0");
}

void Sgd::apply(std::span<const Update> updates, const int32_t* halted) {
  dispatch(updates[0].param, [&]<Device D, class T>() {
    std::vector<kernels::SgdSlot<T>> slots;
    slots.reserve(updates.size());
    for (const Update& u : updates) {
      const bool first = u.step == 1;
      const kernels::SgdRule<T> rule{.lr = static_cast<T>(u.lr),
                                     .weight_decay = static_cast<T>(u.weight_decay),
                                     .momentum = static_cast<T>(first ? 0 : options_.momentum),
                                     .take = static_cast<T>(first ? 1 : 1 - options_.dampening),
                                     .lookahead = static_cast<T>(options_.momentum),
                                     .nesterov = options_.nesterov};
      slots.push_back({.n = u.param.numel(),
                       .rule = rule,
                       .grad = u.grad.data<T>(),
                       .param = u.param.mutable_data<T>(),
                       .velocity = u.moments.empty() ? nullptr : u.moments[0].mutable_data<T>()});
    }
    kernels::sgd_step<D, T>(slots, halted);
  });
}

}  // namespace pixelgrad

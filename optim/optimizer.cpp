#include "optim/optimizer.h"

#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace pixelgrad {

Optimizer::Optimizer(std::string name, std::vector<NamedTensor> params,
                     std::vector<std::string> moments, double weight_decay)
    : name_(std::move(name)),
      params_(std::move(params)),
      moment_names_(std::move(moments)),
      weight_decay_(weight_decay),
      scales_(params_.size()),
      states_(params_.size()) {
  std::unordered_set<std::string> names;
  for (const NamedTensor& p : params_) {
    check(is_floating(p.tensor.dtype()), "[", name_, "] parameter '", p.name, "' is of ",
          p.tensor.dtype(), ", expected f32 or f64");
    check(names.insert(p.name).second, "[", name_, "] two parameters are called '", p.name, "'");
  }
}

void Optimizer::check_option(const char* option, double value, double low, double high) const {
  check<UsageError>(value >= low && value < high, "[", name_, "] ", option, " is ", value,
                    ", expected ", low, " <= ", option, " < ", high);
}

size_t Optimizer::scale(const std::function<bool(const NamedTensor&)>& chosen, Scale factors) {
  size_t count = 0;
  for (size_t i = 0; i < params_.size(); ++i) {
    if (!chosen(params_[i])) continue;
    scales_[i] = factors;
    ++count;
  }
  return count;
}

void Optimizer::step(double lr, std::span<const Tensor> gradients, const Tensor& halted) {
  check(gradients.size() == params_.size(), "[", name_, "] got ", gradients.size(),
        " gradients for ", params_.size(), " parameters");
  std::vector<Update> updates;
  updates.reserve(params_.size());
  for (size_t i = 0; i < params_.size(); ++i) {
    const Tensor& grad = gradients[i];
    if (!grad.defined()) continue;
    auto& [name, param] = params_[i];
    const Tensor& first = params_[0].tensor;
    check(param.dtype() == first.dtype() && param.device() == first.device(), "[", name_,
          "] parameter '", name, "' is of ", param.dtype(), " on ", param.device(), ", but '",
          params_[0].name, "' of ", first.dtype(), " on ", first.device());
    check(grad.shape() == param.shape() && grad.dtype() == param.dtype() &&
              grad.device() == param.device(),
          "[", name_, "] gradient of '", name, "' is ", grad.shape(), " of ", grad.dtype(), " on ",
          grad.device(), ", expected ", param.shape(), " of ", param.dtype(), " on ",
          param.device());
    for (Tensor& m : states_[i].moments) {
      check(m.dtype() == param.dtype(), "[", name_, "] parameter '", name, "' is of ",
            param.dtype(), ", but its moments are of ", m.dtype());
      m = m.to(param.device());
    }
    updates.push_back({param, grad, states_[i].moments, states_[i].steps + 1, lr * scales_[i].lr,
                       weight_decay_ * scales_[i].weight_decay});
  }
  if (halted && !updates.empty())
    check(halted.numel() == 1 && halted.device() == updates[0].param.device(), "[", name_,
          "] halted is ", halted.shape(), " on ", halted.device(), ", expected [] on ",
          updates[0].param.device());
  const int32_t* flag = halted ? halted.data<int32_t>() : nullptr;
  // Only now that nothing can throw any more does anything change.
  for (const Update& u : updates)
    while (u.moments.size() < moment_names_.size())
      u.moments.push_back(Tensor::zeros(u.param.shape(), u.param.dtype(), u.param.device()));
  if (!updates.empty()) apply(updates, flag);
  for (size_t i = 0; i < params_.size(); ++i)
    if (gradients[i].defined()) ++states_[i].steps;
}

std::vector<NamedTensor> Optimizer::state() const {
  std::vector<NamedTensor> out;
  for (size_t i = 0; i < params_.size(); ++i) {
    const State& s = states_[i];
    if (s.steps == 0) continue;
    const std::string prefix = params_[i].name + ".";
    out.push_back({prefix + "step", Tensor::from<int64_t>({}, {s.steps})});
    for (size_t k = 0; k < moment_names_.size(); ++k)
      out.push_back({prefix + moment_names_[k], s.moments[k].clone()});
  }
  return out;
}

void Optimizer::load_state(const std::vector<NamedTensor>& state) {
  std::unordered_map<std::string, const Tensor*> entries;
  for (const auto& [name, tensor] : state)
    check<CheckpointError>(entries.emplace(name, &tensor).second, "[", name_, "] state holds '",
                           name, "' twice");

  // Hands out an entry once; what nobody asked for is unknown.
  const auto take = [&](const std::string& name) -> const Tensor* {
    const auto found = entries.find(name);
    if (found == entries.end()) return nullptr;
    const Tensor* tensor = found->second;
    entries.erase(found);
    return tensor;
  };

  std::vector<State> loaded(params_.size());
  for (size_t i = 0; i < params_.size(); ++i) {
    const auto& [name, param] = params_[i];
    const Tensor* steps = take(name + ".step");
    if (!steps) continue;
    check<CheckpointError>(
        steps->dtype() == Dtype::i64 && steps->numel() == 1 && steps->item() >= 1, "[", name_,
        "] state '", name, ".step' is ", steps->shape(), " of ", steps->dtype(),
        ", expected one i64 of at least 1");
    loaded[i].steps = static_cast<int64_t>(steps->item());
    for (const std::string& moment : moment_names_) {
      const Tensor* value = take(name + "." + moment);
      check<CheckpointError>(value, "[", name_, "] state lacks '", name, ".", moment, "'");
      check<CheckpointError>(value->shape() == param.shape() && value->dtype() == param.dtype(),
                             "[", name_, "] state '", name, ".", moment, "' is ", value->shape(),
                             " of ", value->dtype(), ", expected ", param.shape(), " of ",
                             param.dtype());
      loaded[i].moments.push_back(value->to(param.device()).clone());
    }
  }
  if (!entries.empty()) {
    for (const auto& [name, tensor] : state)  // the first in the state's own order
      check<CheckpointError>(!entries.contains(name), "[", name_, "] state holds '", name,
                             "', which belongs to no parameter and moment of this optimizer");
  }
  states_ = std::move(loaded);
}

}  // namespace pixelgrad

#include "layers/module.h"

#include <algorithm>

#include "layers/step_scope.h"

namespace pixelgrad {

thread_local Module::Construction* Module::under_construction = nullptr;

Module::Construction::Construction(const Module& p, const std::string& n)
    : parent(&p), name(&n), outer(under_construction) {
  under_construction = this;
}
Module::Construction::~Construction() { under_construction = outer; }

Module::Module() {
  if (!under_construction || !under_construction->parent) return;
  parent_ = under_construction->parent;
  name_ = *under_construction->name;
  under_construction->parent = nullptr;  // taken: a grandchild names its own parent
}

template <class Visit>
void Module::walk(const std::string& prefix, const Visit& visit) const {
  visit(prefix, *this);
  for (const auto& [name, child] : children_)
    child->walk(name.empty() ? prefix : prefix + name + ".", visit);
}

std::vector<NamedTensor> Module::parameters() const {
  std::vector<NamedTensor> out;
  walk("", [&](const std::string& prefix, const Module& m) {
    for (const auto& p : m.params_) out.push_back({prefix + p.name, p.tensor});
  });
  return out;
}

std::vector<NamedTensor> Module::buffers() const {
  std::vector<NamedTensor> out;
  walk("", [&](const std::string& prefix, const Module& m) {
    for (const auto& b : m.buffers_) out.push_back({prefix + b.name, b.tensor});
  });
  return out;
}

std::vector<NamedTensor> Module::state() const {
  std::vector<NamedTensor> out = parameters();
  for (auto& b : buffers()) out.push_back(std::move(b));
  return out;
}

int64_t Module::parameter_count() const {
  int64_t n = 0;
  for (const auto& p : parameters()) n += p.tensor.numel();
  return n;
}

std::vector<Tensor> Module::gradients() const {
  std::vector<Tensor> out;
  for (const auto& p : parameters()) out.push_back(grad(p.tensor));
  return out;
}

void Module::clear_gradients() {
  for (const auto& p : parameters()) clear_grad(p.tensor);
}

void Module::train(bool on) {
  training_ = on;
  for (auto& [name, child] : children_) child->train(on);
}

void Module::checkpoint_activations(bool on) {
  checkpoint_activations_ = on;
  for (auto& [name, child] : children_) child->checkpoint_activations(on);
}

void Module::swap_modes(std::vector<char>::iterator& mode) {
  const bool mine = training_;
  training_ = *mode;
  *mode++ = mine;
  for (auto& [name, child] : children_) child->swap_modes(mode);
}

/// Puts a module and all below it into the modes that they once had, and back.
class Module::ModeScope {
 public:
  ModeScope(Module& module, std::vector<char> modes) : module_(module), modes_(std::move(modes)) {
    swap();
  }
  ~ModeScope() { swap(); }
  ModeScope(const ModeScope&) = delete;
  ModeScope& operator=(const ModeScope&) = delete;

 private:
  void swap() {
    auto first = modes_.begin();
    module_.swap_modes(first);
  }
  Module& module_;
  std::vector<char> modes_;
};

Tensor Module::run_checkpointed(std::function<Tensor(std::vector<Tensor>)> stage,
                                std::vector<Tensor> inputs) {
  std::vector<char> modes;
  walk("", [&](const std::string&, const Module& m) { modes.push_back(m.training_); });
  const auto in_the_same_state = [this, stage = std::move(stage), modes = std::move(modes),
                                  now = StepScope::key(0)](std::vector<Tensor> in) {
    const StepScope step(now.seed, now.step);
    const ModeScope mode(*this, modes);
    return stage(std::move(in));
  };
  return checkpoint(std::function<Tensor(std::vector<Tensor>)>(in_the_same_state),
                    std::move(inputs));
}

void Module::to(Dtype dtype) {
  check(is_floating(dtype), "[module] to(", dtype, "), expected f32 or f64");
  for (auto& t : state()) {
    if (!is_floating(t.tensor.dtype()) || t.tensor.dtype() == dtype) continue;
    const bool trained = t.tensor.source() != nullptr;
    t.tensor.rebind(t.tensor.to(dtype));
    if (trained) {
      t.tensor.set_source(nullptr);
      require_grad(t.tensor);
    }
  }
}

void Module::to(Device device) {
  for (auto& t : state()) {
    if (!is_floating(t.tensor.dtype())) continue;
    const bool trained = t.tensor.source() != nullptr;
    t.tensor.rebind(t.tensor.to(device));
    if (trained) clear_grad(t.tensor);
  }
}

Device Module::device() const {
  for (const auto& t : state())
    if (is_floating(t.tensor.dtype())) return t.tensor.device();
  return Device::cpu;
}

void Module::visit(
    const std::function<void(const std::string& path, const Module& module)>& visit) const {
  walk("", [&](const std::string& prefix, const Module& m) {
    visit(prefix.empty() ? prefix : prefix.substr(0, prefix.size() - 1), m);
  });
}

std::string Module::path() const {
  if (!parent_) return name_;
  const std::string above = parent_->path();
  if (name_.empty()) return above;
  return above.empty() ? name_ : above + "." + name_;
}

void Module::check_name(const std::string& name) const {
  const auto same = [&](const auto& entry) { return entry.name == name; };
  const bool taken = std::any_of(params_.begin(), params_.end(), same) ||
                     std::any_of(buffers_.begin(), buffers_.end(), same) ||
                     std::any_of(children_.begin(), children_.end(),
                                 [&](const auto& c) { return c.first == name; });
  check(!name.empty() && !taken, "[module] ", path(), " already has '", name,
        "', or the name is empty");
}

Tensor Module::param(std::string name, Tensor value) {
  check_name(name);
  params_.push_back({std::move(name), require_grad(std::move(value))});
  return params_.back().tensor;
}

Tensor Module::buffer(std::string name, Tensor value) {
  check_name(name);
  buffers_.push_back({std::move(name), std::move(value)});
  return buffers_.back().tensor;
}

void Module::take(std::string name, std::unique_ptr<Module> child) {
  if (!name.empty()) check_name(name);
  child->parent_ = this;
  child->name_ = name;
  child->training_ = training_;
  children_.emplace_back(std::move(name), std::move(child));
}

}  // namespace pixelgrad

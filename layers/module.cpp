#include "layers/module.h"

#include <algorithm>

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
  for (const auto& [name, child] : children_) child->walk(prefix + name + ".", visit);
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

void Module::visit(
    const std::function<void(const std::string& path, const Module& module)>& visit) const {
  walk("", [&](const std::string& prefix, const Module& m) {
    visit(prefix.empty() ? prefix : prefix.substr(0, prefix.size() - 1), m);
  });
}

std::string Module::path() const {
  if (!parent_) return name_;
  const std::string above = parent_->path();
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
  check_name(name);
  child->parent_ = this;
  child->name_ = name;
  child->training_ = training_;
  children_.emplace_back(std::move(name), std::move(child));
}

}  // namespace pixelgrad

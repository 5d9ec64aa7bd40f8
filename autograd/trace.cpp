#include "autograd/trace.h"

#include <algorithm>
#include <utility>

namespace pixelgrad {
namespace {

thread_local Trace* innermost = nullptr;

/// What stands in the place of a node of the graph; keeps no tensors.
struct TracedSource : GradSource {
  const Trace* trace = nullptr;
  int64_t op = 0;
};

const TracedSource* traced(const Tensor& x, const Trace* trace) {
  const auto* source = x.defined() ? dynamic_cast<TracedSource*>(x.source().get()) : nullptr;
  return source && source->trace == trace ? source : nullptr;
}

bool same_size(const Shape& a, const Shape& b) {
  return a.size() == 4 && b.size() == 4 && a[1] == b[1] && a[2] == b[2];
}

}  // namespace

Trace::Trace() : outer_(innermost) {
  check(grad_enabled(), "[trace] a NoGrad scope is open on this thread, in which ops note nothing");
  innermost = this;
}
Trace::~Trace() { innermost = outer_; }
Trace* Trace::current() { return innermost; }

Tensor Trace::note(const char* op, const Tensor& y, const std::vector<Tensor>& inputs) {
  const auto window = std::exchange(next_window_, std::nullopt);
  if (std::none_of(inputs.begin(), inputs.end(), needs_grad)) return y;
  TracedOp noted{.name = op, .shape = y.shape(), .window = window};
  for (const Tensor& x : inputs) {
    if (!x.defined()) {
      noted.inputs.emplace_back();
      continue;
    }
    const TracedSource* from = traced(x, this);
    noted.inputs.push_back({from ? from->op : -1, from ? nullptr : x.source(), x.shape()});
    noted.is_view |= x.storage() == y.storage();
  }
  if (!noted.window && same_size(noted.shape, noted.inputs[0].shape)) noted.window.emplace();

  auto source = std::make_shared<TracedSource>();
  source->id = ops_.size() + 1;
  source->shape = y.shape();
  source->dtype = y.dtype();
  source->trace = this;
  source->op = static_cast<int64_t>(ops_.size());
  ops_.push_back(std::move(noted));
  Tensor out = y.detach();
  out.set_source(std::move(source));
  return out;
}

int64_t Trace::index_of(const Tensor& x) const {
  const TracedSource* source = traced(x, this);
  check(source != nullptr, "[trace] the tensor was not computed while this trace lived");
  return source->op;
}

}  // namespace pixelgrad

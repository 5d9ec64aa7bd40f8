#include "autograd/checkpoint.h"

#include <memory>
#include <utility>

#include "autograd/graph_internal.h"
#include "autograd/saved.h"
#include "autograd/trace.h"

namespace pixelgrad {
namespace {

/// An input, and where its gradient goes.
struct Input {
  explicit Input(const Tensor& x) : saved(x), source(x.defined() ? x.source() : nullptr) {}
  Tensor value() const {
    Tensor x = saved.value();
    if (!x.defined()) return x;
    x = x.detach();
    x.set_source(source);
    return x;
  }
  SavedTensor saved;
  std::shared_ptr<GradSource> source;
};

/// What waits for the backward.
struct Waiting {
  Segment segment;
  std::vector<Input> inputs;
  std::vector<Tensor> gradients;  // of the results, as far as they have come

  void run() {
    std::vector<Tensor> results;
    rerun([&] {
      std::vector<Tensor> values;
      for (const Input& x : inputs) values.push_back(x.value());
      inputs.clear();
      results = segment(std::move(values));
    });
    check(results.size() == gradients.size(), "[checkpoint] the segment gave ", results.size(),
          " results when it ran again, before ", gradients.size());
    for (size_t i = 0; i < results.size(); ++i) {
      Tensor dy = std::move(gradients[i]);
      if (!dy.defined()) continue;
      const Tensor& y = results[i];
      check(needs_grad(y) && y.shape() == dy.shape() && y.dtype() == dy.dtype(),
            "[checkpoint] result ", i, " is ", y.defined() ? str(y.shape(), " of ", y.dtype()) : "",
            " when the segment runs again, before ", dy.shape(), " of ", dy.dtype());
      continue_backward(y, std::move(dy));
    }
  }
};

}  // namespace

std::vector<Tensor> checkpoint(Segment segment, std::vector<Tensor> inputs) {
  // In a rehearsal an outer segment keeps nothing of this one; a trace keeps nothing at all.
  if (!grad_enabled() || rehearsing() || Trace::current()) return segment(std::move(inputs));

  const auto waiting = std::make_shared<Waiting>();
  Tensor hinge;
  std::vector<Tensor> results;
  {
    Rehearsal rehearsal;
    for (const Tensor& x : inputs) {
      waiting->inputs.emplace_back(x);
      rehearsal.read(x);
    }
    results = segment(std::move(inputs));
    if (!rehearsal.needs_grad()) return results;
    waiting->segment = std::move(segment);
    waiting->gradients.resize(results.size());
    hinge = rehearsal.record("checkpoint", [waiting] {
      Waiting now = std::move(*waiting);  // the results' nodes may live on
      now.run();
    });
  }
  // All results' nodes are newer than the hinge's, which therefore runs when each of them has its
  // gradient, or gets none.
  for (size_t i = 0; i < results.size(); ++i) {
    if (!needs_grad(results[i])) continue;
    results[i] = record("checkpoint", results[i], {hinge}, [waiting, i](const Tensor& dy) -> Grads {
      waiting->gradients[i] = dy;
      return {Tensor::empty({0}, Dtype::f32)};
    });
  }
  return results;
}

Tensor checkpoint(std::function<Tensor(std::vector<Tensor>)> segment, std::vector<Tensor> inputs) {
  return checkpoint(
      [segment = std::move(segment)](std::vector<Tensor> in) -> std::vector<Tensor> {
        return {segment(std::move(in))};
      },
      std::move(inputs))[0];
}

}  // namespace pixelgrad

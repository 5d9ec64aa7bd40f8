#include "autograd/graph.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <set>
#include <unordered_map>
#include <utility>

#include "autograd/graph_internal.h"
#include "autograd/trace.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/elementwise.h"

namespace pixelgrad {
namespace {

thread_local bool recording = true;
thread_local bool guarding = false;
thread_local bool in_rerun = false;
thread_local Rehearsal* rehearsal = nullptr;
std::atomic<uint64_t> next_id{1};

struct Node : GradSource {
  const char* op = "";
  std::vector<std::shared_ptr<GradSource>> inputs;  // null where no gradient is wanted
  std::vector<Watch> watched;
  Backward backward;
  ~Node() override;
};

/// What a dying node lets go of. Its closures may hold the last handle of the tensors before it,
/// whose nodes die in turn: the outermost destructor takes them one by one from a list, so a chain
/// of any length needs no stack.
struct Remains {
  std::vector<std::shared_ptr<GradSource>> inputs;
  Backward backward;
  std::shared_ptr<Recipe> recipe;
};
thread_local std::vector<Remains>* graveyard = nullptr;

Node::~Node() {
  Remains mine{std::move(inputs), std::move(backward), std::move(recipe)};
  if (graveyard) {
    graveyard->push_back(std::move(mine));
    return;
  }
  std::vector<Remains> pending;
  graveyard = &pending;
  pending.push_back(std::move(mine));
  while (!pending.empty()) {
    Remains next = std::move(pending.back());
    pending.pop_back();
    next = {};  // may add to pending
  }
  graveyard = nullptr;
}

/// "input 0 [2,8,8,3] in [-1.2, 3.4]" for the NaN guard's message.
std::string describe(const Tensor& x) {
  if (!is_activation(x.dtype())) return str(x.shape(), " of ", x.dtype());
  double low = INFINITY, high = -INFINITY;
  int64_t bad = 0;
  for (double v : x.to_doubles()) {
    if (!std::isfinite(v)) {
      ++bad;
      continue;
    }
    low = std::min(low, v);
    high = std::max(high, v);
  }
  return str(x.shape(), " in [", low, ", ", high, "]",
             bad ? str(" with ", bad, " not finite") : "");
}

bool all_finite(const Tensor& x) {
  return dispatch_activation(
      x, [&]<Device D, class T>() { return kernels::all_finite<D, T>(x.numel(), x.data<T>()); });
}

void guard(const char* op, const char* what, const Tensor& value,
           const std::vector<Tensor>& inputs) {
  if (!value.defined() || !is_activation(value.dtype()) || all_finite(value)) return;
  const std::vector<double> values = value.to_doubles();
  const auto bad =
      std::find_if(values.begin(), values.end(), [](double v) { return !std::isfinite(v); });
  std::string message = str("[", op, "] ", what, " ", value.shape(), " holds ", *bad, " at index ",
                            bad - values.begin());
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].defined()) message += str("; input ", i, " ", describe(inputs[i]));
  throw NonFiniteError(message);
}

/// sum += g, in place when nobody else holds sum: an op may have given one gradient to two inputs.
void accumulate(Tensor& sum, Tensor g) {
  if (!sum.defined()) {
    sum = std::move(g);
    return;
  }
  const bool in_place = sum.sole_owner();
  Tensor out = in_place ? sum : Tensor::empty(sum.shape(), sum.dtype(), sum.device());
  dispatch_activation(sum, [&]<Device D, class T>() {
    const T* a = sum.data<T>();
    kernels::add<D, T>(sum.numel(), a, g.data<T>(), out.mutable_data<T>());
  });
  sum = out;
}

void check_gradient(const char* op, size_t input, const Tensor& g, const GradSource& target) {
  if (g.shape() != target.shape || g.dtype() != target.dtype)
    throw Error(str("[", op, "] backward gave a gradient ", g.shape(), " of ", g.dtype(),
                    " for input ", input, ", expected ", target.shape, " of ", target.dtype));
}

/// What backward() has before it: sources, newest first, and the gradients that reached them.
class Walk {
 public:
  /// Adds y's source and all that it depends on.
  void add(const Tensor& y, Tensor dy) {
    accumulate(pending_[y.source().get()], std::move(dy));
    if (!todo_.insert(y.source()).second) return;
    std::vector<GradSource*> found{y.source().get()};
    while (!found.empty()) {
      auto* node = dynamic_cast<Node*>(found.back());
      found.pop_back();
      if (!node) continue;
      for (const auto& in : node->inputs)
        if (in && todo_.insert(in).second) found.push_back(in.get());
    }
  }

  bool done() const { return todo_.empty(); }

  /// The newest source, with its gradient; undefined where every path to it gave a zero gradient.
  std::pair<std::shared_ptr<GradSource>, Tensor> next() {
    auto source = std::move(todo_.extract(todo_.begin()).value());
    Tensor g;
    if (auto found = pending_.extract(source.get())) g = std::move(found.mapped());
    return {std::move(source), std::move(g)};
  }

  Tensor& gradient(const std::shared_ptr<GradSource>& source) { return pending_[source.get()]; }

 private:
  struct Newer {
    bool operator()(const std::shared_ptr<GradSource>& a,
                    const std::shared_ptr<GradSource>& b) const {
      return a->id != b->id ? a->id > b->id : a < b;  // leaves, in any order
    }
  };
  std::set<std::shared_ptr<GradSource>, Newer> todo_;
  std::unordered_map<GradSource*, Tensor> pending_;
};
thread_local Walk* walk = nullptr;

/// Sets a variable for as long as it lives.
template <class T>
struct Restored {
  T& variable;
  T previous;
  Restored(T& v, T value) : variable(v), previous(std::exchange(v, value)) {}
  ~Restored() { variable = previous; }
  Restored(const Restored&) = delete;
  Restored& operator=(const Restored&) = delete;
};

std::shared_ptr<Node> make_node(const char* op, const Tensor& y, Backward backward) {
  auto node = std::make_shared<Node>();
  node->op = op;
  node->id = next_id++;
  node->shape = y.shape();
  node->dtype = y.dtype();
  node->backward = std::move(backward);
  return node;
}

Grads left_its_checkpoint(const Tensor&) {
  throw Error(
      "[checkpoint] a value that was computed inside reached the loss, but is not among the "
      "results");
}

}  // namespace

Tensor record(const char* op, const Tensor& y, const std::vector<Tensor>& inputs,
              Backward backward) {
  if (Trace* trace = Trace::current()) return trace->note(op, y, inputs);
  if (guarding) guard(op, "output", y, inputs);
  if (!recording || std::none_of(inputs.begin(), inputs.end(), needs_grad)) return y;
  Tensor out = y.detach();  // a closure may hold y itself; the node must not hold its own source
  if (rehearsal) {
    for (const Tensor& x : inputs) rehearsal->read(x);
    out.set_source(make_node(op, y, left_its_checkpoint));
    return out;
  }
  auto node = make_node(op, y, std::move(backward));
  node->watched.reserve(inputs.size() + 1);
  for (const Tensor& x : inputs) {
    node->inputs.push_back(x.defined() ? x.source() : nullptr);
    if (x.defined()) node->watched.emplace_back(x);
  }
  node->watched.emplace_back(y);
  out.set_source(std::move(node));
  return out;
}

Rehearsal::Rehearsal() : before_(rehearsal), first_id_(next_id) { rehearsal = this; }
Rehearsal::~Rehearsal() { rehearsal = before_; }

void Rehearsal::read(const Tensor& x) {
  if (!x.defined()) return;
  const auto& source = x.source();
  if (source && source->id < first_id_ &&
      std::find(sources_.begin(), sources_.end(), source) == sources_.end())
    sources_.push_back(source);
  values_.emplace_back(x);
}

Tensor Rehearsal::record(const char* op, std::function<void()> backward) {
  Tensor y = Tensor::empty({0}, Dtype::f32);
  auto node = make_node(op, y, [n = sources_.size(), run = std::move(backward)](const Tensor&) {
    run();
    return Grads(n);
  });
  node->inputs = std::move(sources_);
  for (Watch& value : values_)
    if (!value.storage.expired()) node->watched.push_back(std::move(value));
  y.set_source(std::move(node));
  return y;
}

bool rehearsing() { return rehearsal != nullptr; }

void relies_on(const Tensor& value) {
  if (recording && rehearsal) rehearsal->read(value);
}

bool recomputing() { return in_rerun; }

void rerun(const std::function<void()>& forward) {
  const Restored recorded(recording, true), again(in_rerun, true);
  const Restored<Rehearsal*> for_good(rehearsal, nullptr);
  forward();
}

void continue_backward(const Tensor& y, Tensor dy) { walk->add(y, std::move(dy)); }

Tensor overwritable(const Tensor& dy) {
  return dy.sole_owner() ? dy : Tensor::empty(dy.shape(), dy.dtype(), dy.device());
}

bool needs_grad(const Tensor& x) { return x.defined() && x.source() != nullptr; }
bool grad_enabled() { return recording; }

Tensor require_grad(Tensor x) {
  check(is_floating(x.dtype()), "[require_grad] expected a tensor of f32 or f64, got ", x.dtype());
  if (x.source()) return x;
  auto leaf = std::make_shared<Leaf>();
  leaf->shape = x.shape();
  leaf->dtype = x.dtype();
  x.set_source(std::move(leaf));
  return x;
}

namespace {
Leaf& leaf_of(const Tensor& x, const char* caller) {
  auto* leaf = x.defined() ? dynamic_cast<Leaf*>(x.source().get()) : nullptr;
  if (!leaf) throw Error(str("[", caller, "] the tensor is not a leaf (require_grad makes one)"));
  return *leaf;
}
}  // namespace

Tensor grad(const Tensor& leaf) { return leaf_of(leaf, "grad").grad; }
void clear_grad(const Tensor& leaf) { leaf_of(leaf, "clear_grad").grad = Tensor(); }

void backward(const Tensor& y, const Tensor& dy) {
  check(needs_grad(y), "[backward] nothing to do: ", y.shape(),
        " was not computed from a tensor that needs a gradient");
  Tensor seed = dy;
  if (!seed.defined()) {
    check(y.numel() == 1, "[backward] expected one element or an explicit gradient, got ",
          y.shape());
    seed = Tensor::full(y.shape(), 1, y.dtype(), y.device());
  }
  check(seed.shape() == y.shape() && seed.dtype() == y.dtype(), "[backward] gradient ",
        seed.shape(), " of ", seed.dtype(), " for a value ", y.shape(), " of ", y.dtype());

  NoGrad no_grad;
  Walk todo;
  const Restored<Walk*> current(walk, &todo);
  todo.add(y, seed.detach());
  while (!todo.done()) {
    auto [source, g] = todo.next();
    if (!g.defined()) {
      if (auto* node = dynamic_cast<Node*>(source.get())) node->backward = nullptr;
      source->recipe = nullptr;
      continue;
    }
    if (auto* leaf = dynamic_cast<Leaf*>(source.get())) {
      // The gradient owns its storage: a closure may have returned one that others hold as well.
      if (!leaf->grad.defined() && !g.sole_owner()) g = g.clone();
      accumulate(leaf->grad, std::move(g));
      continue;
    }
    auto& node = static_cast<Node&>(*source);
    if (!node.backward)
      throw Error(str("[backward] the graph behind '", node.op,
                      "' was already walked; compute the value again"));
    for (const Watch& w : node.watched)
      if (w.overwritten())
        throw Error(str("[backward] an input or the output of '", node.op,
                        "' was overwritten in place after the op ran"));
    Grads grads;
    {
      Backward run = std::move(node.backward);
      node.backward = nullptr;
      node.recipe = nullptr;  // whoever still reads the value has it
      grads = run(g);
    }
    check(grads.size() == node.inputs.size(), "[", node.op, "] backward gave ", grads.size(),
          " gradients for ", node.inputs.size(), " inputs");
    g = Tensor();
    const auto inputs = std::move(node.inputs);
    node.inputs.clear();
    for (size_t i = 0; i < grads.size(); ++i) {
      if (!grads[i].defined() || !inputs[i]) continue;
      check_gradient(node.op, i, grads[i], *inputs[i]);
      if (guarding) guard(node.op, "gradient", grads[i], {});
      accumulate(todo.gradient(inputs[i]), std::move(grads[i]));
    }
  }
}

NoGrad::NoGrad() : previous_(recording) { recording = false; }
NoGrad::~NoGrad() { recording = previous_; }
NanGuard::NanGuard() : previous_(guarding) { guarding = true; }
NanGuard::~NanGuard() { guarding = previous_; }

}  // namespace pixelgrad

#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace pixelgrad {

/// Gradients of an op's inputs, in the order of the inputs. An undefined tensor is a zero gradient.
using Grads = std::vector<Tensor>;

/// Computes the gradients of an op's inputs from the gradient of its output.
using Backward = std::function<Grads(const Tensor& dy)>;

class Recipe;

/// Where a gradient goes: either an op of the graph (Node) or a leaf such as a parameter. It knows
/// the shape of the value but does not hold it, so only what a backward captures stays alive.
struct GradSource {
  virtual ~GradSource() = default;
  uint64_t id = 0;  ///< leaves 0; nodes increase, so that descending ids are a topological order
  Shape shape;
  Dtype dtype = Dtype::f32;
  std::shared_ptr<Recipe> recipe;  ///< how the value is computed again (autograd/saved.h), or null
};

/// A tensor that the user wants the gradient of; backward adds it up in `grad`.
struct Leaf : GradSource {
  Tensor grad;
};

/// Records `y = op(inputs)` in the graph when gradients are on and an input needs one, and returns
/// the tensor to hand to the caller: y's values, with the op as its gradient source. `backward` is
/// freed as soon as it ran; what it captures by name is what stays alive until then. (Captured as a
/// SavedTensor, a value that can be computed again need not stay; see autograd/saved.h.) It may
/// return undefined tensors for inputs that do not need a gradient (see needs_grad). Overwriting an
/// input or the output in place before the backward ran is an error that backward() reports.
/// Undefined inputs (an absent bias) are allowed. This is also where the NaN guard looks.
Tensor record(const char* op, const Tensor& y, const std::vector<Tensor>& inputs,
              Backward backward);

/// Where a backward writes a gradient that has dy's shape, by a kernel that works in place: over
/// dy, when nobody but the graph holds that, which then is through with it; else into a new tensor.
/// Not for a backward that still needs dy.
Tensor overwritable(const Tensor& dy);

/// True when the gradient of `x` is wanted: a leaf, or computed from one.
bool needs_grad(const Tensor& x);

/// True unless a NoGrad scope is open on this thread.
bool grad_enabled();

/// Makes `x` a leaf: backward() will compute its gradient. Returns the same handle. f32 or f64
/// only.
Tensor require_grad(Tensor x);

/// The gradient that backward() left in a leaf; undefined before. Owns its storage.
Tensor grad(const Tensor& leaf);

/// Forgets the gradient of a leaf.
void clear_grad(const Tensor& leaf);

/// Adds d(y)/d(leaf) to the gradient of every leaf that y was computed from. `dy` is the gradient
/// of y, of y's shape; where it is left out y must hold one element and dy is 1. Frees each op's
/// backward as soon as it ran, so a graph can be walked once. Needs no recursion: graphs of any
/// depth fit the stack.
void backward(const Tensor& y, const Tensor& dy = {});

/// While one lives, ops on this thread record nothing.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool previous_;
};

/// While one lives, every op on this thread is checked: the first output or gradient that holds a
/// NaN or an infinity throws NonFiniteError with the op's name, where it is, and the ranges of the
/// op's inputs. Costs a pass over each output; training turns it on to find a culprit, by running
/// a step again that gave a loss that is not finite.
class NanGuard {
 public:
  NanGuard();
  ~NanGuard();
  NanGuard(const NanGuard&) = delete;
  NanGuard& operator=(const NanGuard&) = delete;

 private:
  bool previous_;
};

}  // namespace pixelgrad

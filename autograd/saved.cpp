#include "autograd/saved.h"

#include <algorithm>
#include <utility>

#include "autograd/graph_internal.h"

namespace pixelgrad {
namespace {

/// A value that is computed from one that is computed again itself, and so on, as the sums of a
/// chain of residual blocks, costs a pass for each. Every (most_passes + 1)-th of such a chain is
/// kept as a tensor: two thirds of the memory are saved for one and a half passes on average.
constexpr int most_passes = 2;

}  // namespace

/// How a value is computed again. Shared by the node of the graph that left it and by all who saved
/// the value; holds neither.
class Recipe {
 public:
  Recipe(const char* op, const Tensor& y, const std::vector<Tensor>& inputs,
         std::function<Tensor()> compute, int passes)
      : op_(op),
        shape_(y.shape()),
        dtype_(y.dtype()),
        latest_(y),
        compute_(std::move(compute)),
        passes_(passes) {
    for (const Tensor& x : inputs)
      if (x.defined()) reads_.emplace_back(x);
  }

  /// Whether `y` is the value, as the op left it.
  bool gives(const Tensor& y) const {
    return latest_.storage.lock() == y.storage() && !latest_.overwritten();
  }

  /// Passes over memory that it takes to compute the value.
  int passes() const { return passes_; }

  Tensor value() {
    // What was computed last, while somebody holds it.
    if (auto storage = latest_.storage.lock(); storage && !latest_.overwritten())
      return Tensor::over(std::move(storage), shape_, dtype_);
    for (const Watch& input : reads_)
      if (input.overwritten())
        throw Error(str("[backward] the output of '", op_,
                        "' is needed again, but an input of it was overwritten in place after the "
                        "op ran"));
    const Tensor y = compute_();
    check(y.shape() == shape_ && y.dtype() == dtype_, "[", op_, "] the recipe gave a value ",
          y.shape(), " of ", y.dtype(), ", expected ", shape_, " of ", dtype_);
    latest_ = Watch(y);
    return y.detach();
  }

 private:
  const char* op_;
  Shape shape_;
  Dtype dtype_;
  Watch latest_;
  std::vector<Watch> reads_;
  std::function<Tensor()> compute_;
  int passes_;
};

namespace {

/// The recipe of x; null where there is none, or where x was overwritten since.
std::shared_ptr<Recipe> recipe_of(const Tensor& x) {
  if (!x.defined() || !x.source()) return nullptr;
  const std::shared_ptr<Recipe>& recipe = x.source()->recipe;
  return recipe && recipe->gives(x) ? recipe : nullptr;
}

}  // namespace

SavedTensor::SavedTensor(const Tensor& x) : recipe_(recipe_of(x)) {
  if (x.defined() && !recipe_) tensor_ = x.detach();
}

Tensor SavedTensor::value() const { return recipe_ ? recipe_->value() : tensor_; }

void set_recipe(const char* op, const Tensor& y, const std::vector<Tensor>& inputs,
                std::function<Tensor()> compute) {
  if (!needs_grad(y) || rehearsing()) return;
  int passes = 1;
  for (const Tensor& x : inputs)
    if (const auto recipe = recipe_of(x)) passes = std::max(passes, recipe->passes() + 1);
  if (passes > most_passes) return;
  y.source()->recipe = std::make_shared<Recipe>(op, y, inputs, std::move(compute), passes);
}

}  // namespace pixelgrad

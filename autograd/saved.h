#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "autograd/graph.h"

namespace pixelgrad {

/// What a backward keeps of a value that it reads: the tensor or, where the op that computed it
/// left a recipe (set_recipe), only that. An op's closure captures SavedTensor(x) of its inputs and
/// asks for the value when it runs:
///
///   record("mul", y, {a, b}, [a = SavedTensor(a), b = SavedTensor(b)](const Tensor& dy) -> Grads {
///     return {product(dy, b.value()), product(dy, a.value())};
///   });
class SavedTensor {
 public:
  /// Nothing: an absent bias, a value that no gradient reads.
  SavedTensor() = default;
  /// Of an undefined tensor: nothing.
  explicit SavedTensor(const Tensor& x);

  bool defined() const { return tensor_.defined() || recipe_ != nullptr; }
  explicit operator bool() const { return defined(); }

  /// The value, without a gradient; undefined where nothing was saved. What follows from a recipe
  /// is computed now, unless somebody still holds the value from before; it lives as long as the
  /// result is held. Throws Error when what the recipe reads was overwritten in place meanwhile.
  Tensor value() const;

 private:
  Tensor tensor_;
  std::shared_ptr<Recipe> recipe_;
};

/// Leaves a recipe for `y`, which record(op, y, inputs, ...) just returned: what reads y's values
/// then keeps the recipe and not y, whose memory is free as soon as the forward is through with it.
/// Worth it where y is large, costs little to compute again, and `inputs` are kept in any case.
///
/// `compute` gives y's values once more, to the bit, whenever it is called. It captures what it
/// reads as SavedTensors, or detached; with y itself, or anything computed from it, it would hold
/// itself and never be freed. `inputs` are the tensors that it reads; overwriting one in place
/// before the backward is an error that the backward reports.
///
/// Does nothing where y has no gradient, as in evaluation, and where so many values would have to
/// be computed one from the other that it would not be cheap any more: such a y is kept as a
/// tensor.
void set_recipe(const char* op, const Tensor& y, const std::vector<Tensor>& inputs,
                std::function<Tensor()> compute);

}  // namespace pixelgrad

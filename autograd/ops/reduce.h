#pragma once
#include <vector>

#include "autograd/graph.h"

// Reductions over all elements or over chosen axes. An axis below 0 counts from the back; an empty
// list means all axes, as in PyTorch. With `keepdim` the reduced axes stay with size 1, so that the
// result broadcasts against x. Sums are added up in f64, in an order that depends on the shape
// alone.
namespace pixelgrad {

/// Sum of all elements, as a scalar. Keeps nothing.
Tensor sum(const Tensor& x);
/// Sum over axes: sum(x, {1, 2}) of [N,H,W,C] is [N,C]. Keeps nothing.
Tensor sum(const Tensor& x, const std::vector<int>& axes, bool keepdim = false);

/// Mean of all elements, as a scalar. x must not be empty. Keeps nothing.
Tensor mean(const Tensor& x);
/// Mean over axes, none of which is empty. Keeps nothing.
Tensor mean(const Tensor& x, const std::vector<int>& axes, bool keepdim = false);

/// Largest element over axes, none of which is empty; a NaN counts as larger than any number. The
/// gradient goes to the first of equal maxima in memory order. (Of PyTorch's functions amax would
/// share it out among them; max(dim) picks one.) Keeps 8 bytes for each value of the output.
Tensor max(const Tensor& x, const std::vector<int>& axes = {}, bool keepdim = false);

}  // namespace pixelgrad

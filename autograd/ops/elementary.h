#pragma once
#include "autograd/graph.h"

// Elementary functions of each value, of a tensor of any shape. Outside their domain they give what
// IEEE 754 says: log(-1) is NaN, log(0) -infinity. They keep x for the backward where nothing else
// is said. (pow is in arithmetic.h.)
namespace pixelgrad {

/// e^x. Keeps its output.
Tensor exp(const Tensor& x);

/// The natural logarithm.
Tensor log(const Tensor& x);

/// The square root; its gradient at 0 is infinite. Keeps its output.
Tensor sqrt(const Tensor& x);

/// |x|. The gradient at 0 is 0.
Tensor abs(const Tensor& x);

/// x, but at least `lowest` and at most `highest`, either of which may be infinite. The gradient
/// passes where lowest <= x <= highest. lowest <= highest.
Tensor clamp(const Tensor& x, double lowest, double highest);

}  // namespace pixelgrad

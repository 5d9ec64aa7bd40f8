#include <algorithm>
#include <cmath>

#include "autograd/differences_internal.h"
#include "autograd/graph.h"

namespace pixelgrad {

double get_element(const Tensor& x, int64_t index) {
  return x.dtype() == Dtype::f32 ? static_cast<double>(x.data<float>()[index])
                                 : x.data<double>()[index];
}

void set_element(Tensor& x, int64_t index, double value) {
  if (x.dtype() == Dtype::f32)
    x.mutable_data<float>()[index] = static_cast<float>(value);
  else
    x.mutable_data<double>()[index] = value;
}

Slopes Differences::slopes(size_t input, int64_t index, double s) const {
  const NoGrad no_grad;
  Nudge element(inputs_[input], index);
  const auto value_at = [&](double offset) {
    element.by(offset);
    const std::vector<double> y = fn_(inputs_).to_doubles();
    check(y.size() == value_.size(), "[gradcheck] fn gave ", y.size(), " values after input ",
          input, " changed, expected ", value_.size());
    return y;
  };
  const auto m2 = value_at(-2 * s), m1 = value_at(-s), p1 = value_at(s), p2 = value_at(2 * s);
  // Output elements are subtracted before they are summed, so that those which the element does not
  // reach add exact zeros instead of rounding errors.
  Slopes sum;
  for (size_t k = 0; k < value_.size(); ++k) {
    const double v = cotangent_[k], y = value_[k];
    sum.central += v * (8 * (p1[k] - m1[k]) - (p2[k] - m2[k]));
    sum.right += v * (4 * (p1[k] - y) - (p2[k] - y));
    sum.left += v * (4 * (y - m1[k]) - (y - m2[k]));
  }
  return {sum.central / (12 * s), sum.left / (2 * s), sum.right / (2 * s)};
}

Refined refine(const Differences& differences, size_t input, int64_t index, double step,
               double smallest, double allowed) {
  Refined found;
  bool steady_before = false;
  for (double s = step; s >= smallest; s /= 4) {
    const Slopes wide = differences.slopes(input, index, s);
    const Slopes narrow = differences.slopes(input, index, s / 2);
    const double slack = allowed / 4;
    const bool same_slope = std::abs(wide.central - narrow.central) <= slack;
    // Away from a bend left and right approach each other like s^2: by 4 for every halving.
    const bool closing = std::abs(narrow.bend()) <= std::max(slack, std::abs(wide.bend()) / 2);
    found.smooth = same_slope && closing;
    found.numeric = narrow.central;
    found.step = s / 2;
    if (found.smooth) return found;
    const bool steady = std::abs(narrow.bend()) > allowed &&
                        std::abs(narrow.bend() - wide.bend()) <= 0.1 * std::abs(wide.bend());
    if (steady && steady_before) {
      found.kink = true;
      found.left = narrow.left;
      found.right = narrow.right;
    }
    steady_before = steady;
  }
  return found;
}

}  // namespace pixelgrad

#include "autograd/ops/elementary.h"

#include "autograd/ops/unary_internal.h"

namespace pixelgrad {

using kernels::UnaryOp;

Tensor exp(const Tensor& x) { return apply_unary("exp", UnaryOp::exp, x); }

Tensor log(const Tensor& x) { return apply_unary("log", UnaryOp::log, x); }

Tensor sqrt(const Tensor& x) { return apply_unary("sqrt", UnaryOp::sqrt, x); }

Tensor abs(const Tensor& x) { return apply_unary("abs", UnaryOp::abs, x); }

Tensor clamp(const Tensor& x, double lowest, double highest) {
  check(lowest <= highest, "[clamp] lowest is ", lowest, " and highest ", highest,
        ", expected lowest <= highest");
  return apply_unary("clamp", UnaryOp::clamp, x, {.first = lowest, .second = highest});
}

}  // namespace pixelgrad

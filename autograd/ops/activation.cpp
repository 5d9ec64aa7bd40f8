#include "autograd/ops/activation.h"

#include "autograd/ops/unary_internal.h"

namespace pixelgrad {

using kernels::UnaryOp;

Tensor relu(const Tensor& x) { return apply_unary("relu", UnaryOp::relu, x); }

Tensor leaky_relu(const Tensor& x, double slope) {
  check(slope >= 0, "[leaky_relu] slope is ", slope, ", expected at least 0");
  // 0 * x would be -0 for a negative x and NaN for an infinite one
  if (slope == 0) return apply_unary("leaky_relu", UnaryOp::relu, x);
  return apply_unary("leaky_relu", UnaryOp::leaky_relu, x, {.first = slope});
}

Tensor elu(const Tensor& x, double alpha) {
  check(alpha >= 0, "[elu] alpha is ", alpha, ", expected at least 0");
  return apply_unary("elu", UnaryOp::elu, x, {.first = alpha});
}

Tensor gelu(const Tensor& x, GeluMode mode) {
  return apply_unary("gelu", mode == GeluMode::exact ? UnaryOp::gelu : UnaryOp::gelu_tanh, x);
}

Tensor silu(const Tensor& x) { return apply_unary("silu", UnaryOp::silu, x); }

Tensor hard_swish(const Tensor& x) { return apply_unary("hard_swish", UnaryOp::hard_swish, x); }

Tensor sigmoid(const Tensor& x) { return apply_unary("sigmoid", UnaryOp::sigmoid, x); }

Tensor tanh(const Tensor& x) { return apply_unary("tanh", UnaryOp::tanh, x); }

Tensor softplus(const Tensor& x, double beta, double threshold) {
  check(beta > 0, "[softplus] beta is ", beta, ", expected more than 0");
  return apply_unary("softplus", UnaryOp::softplus, x, {.first = beta, .second = threshold});
}

}  // namespace pixelgrad

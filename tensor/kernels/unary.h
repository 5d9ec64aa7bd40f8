#pragma once
#include <cstdint>

#include "tensor/device.h"

// Functions of one number, applied to each value of an array. All share one pair of kernels; the
// formulas, forward and backward side by side, are in tensor/kernels/unary-inl.h.
namespace pixelgrad::kernels {

enum class UnaryOp {
  relu,
  leaky_relu,  ///< first: slope, at least 0
  elu,         ///< first: alpha, at least 0
  gelu,
  gelu_tanh,
  silu,
  hard_swish,
  sigmoid,
  tanh,
  softplus,  ///< first: beta, second: threshold
  exp,
  log,
  sqrt,
  abs,
  clamp,  ///< first: lowest, second: highest
  pow,    ///< first: the exponent
};

/// The constants of an op; their meaning stands beside it.
struct UnaryParameters {
  double first = 0, second = 0;
};

/// Whether the backward reads the forward's output, which somebody else holds in any case, or its
/// input.
constexpr bool backward_reads_output(UnaryOp op) {
  switch (op) {
    case UnaryOp::relu:
    case UnaryOp::leaky_relu:
    case UnaryOp::elu:
    case UnaryOp::sigmoid:
    case UnaryOp::tanh:
    case UnaryOp::exp:
    case UnaryOp::sqrt:
      return true;
    default:
      return false;
  }
}

/// y[i] = op(x[i]) for i < n; y may be x.
template <Device D, class T>
void unary_forward(UnaryOp op, const UnaryParameters& parameters, int64_t n, const T* x, T* y);

/// dx[i] = op'(x[i]) dy[i]. `saved` is y where backward_reads_output, else x; dx may be dy.
template <Device D, class T>
void unary_backward(UnaryOp op, const UnaryParameters& parameters, int64_t n, const T* saved,
                    const T* dy, T* dx);

}  // namespace pixelgrad::kernels

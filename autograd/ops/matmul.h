#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

/// Matrix product: [M,K] times [K,N] -> [M,N], or of as many matrices as the equal leading
/// dimensions say: [...,M,K] times [...,K,N] -> [...,M,N]. Nothing is broadcast. K and N are at
/// least 1. Keeps each input that the gradient of the other needs.
Tensor matmul(const Tensor& a, const Tensor& b);

/// x weight^T + bias, PyTorch's Linear: x [...,in], weight [out,in], bias [out] or undefined ->
/// [...,out]. Keeps x for the backward only if the weight needs a gradient, and the weight only if
/// x needs one.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

}  // namespace pixelgrad

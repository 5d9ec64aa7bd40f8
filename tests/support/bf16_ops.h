#pragma once
#include <set>
#include <string>

#include "autograd/op_cases.h"

namespace pixelgrad::testing {

/// The ops of the table that take activations stored as bf16.
const std::set<std::string>& bf16_ops();

/// Values and gradients of all samples on `device`, with activations in bf16, agree with those that
/// the CPU computes in f64 from the same rounded numbers.
void expect_bf16_agreement(const OpCase& op, Device device);

/// Value and gradients of one sample on `device`, with activations in bf16, for one cotangent.
std::vector<Tensor> bf16_value_and_gradients(const OpCase& op, const OpSample& sample,
                                             Device device);

}  // namespace pixelgrad::testing

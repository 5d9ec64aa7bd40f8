#pragma once
#include <any>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "autograd/op_cases.h"
#include "tests/reference/naive_array.h"

namespace pixelgrad {

/// An op once more, as naive loops: from the inputs and arguments of a sample (OpSample in
/// autograd/op_cases.h) to the value that the op must give.
using Twin =
    std::function<naive::Array(const std::vector<naive::Array>& inputs, const std::any& arguments)>;

/// By the op's name.
using Twins = std::map<std::string, Twin>;

/// Of each family of cases in autograd/op_cases.
Twins arithmetic_twins();
Twins convolution_twins();
Twins loss_twins();
Twins matmul_twins();
Twins normalization_twins();
Twins pointwise_twins();
Twins pooling_twins();
Twins reduction_twins();
Twins resize_twins();
Twins shape_twins();

const Twins& all_twins();

/// max |op - twin| / max |twin| over the values of a sample; infinite for another shape or a NaN.
struct TwinErrors {
  double f64, f32;
};
TwinErrors compare_with_twin(const OpSample& sample, const Twin& twin);

}  // namespace pixelgrad

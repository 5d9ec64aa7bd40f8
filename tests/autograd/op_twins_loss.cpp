#include "autograd/ops/reduce.h"
#include "tests/autograd/op_twins.h"

namespace pixelgrad {
namespace {

using naive::Array;
using Tensors = std::vector<Tensor>;
using Arrays = std::vector<Array>;

Array scalar(double value) { return Array({}, value); }

}  // namespace

std::vector<OpTwin> loss_twins() {
  const std::vector<Shape> one = {{2, 3, 5, 7}}, one_large = {{3, 67, 41, 13}};
  return {
      {.name = "sum",
       .shapes = one,
       .large_shapes = one_large,
       .op = [](const Tensors& x) { return sum(x[0]); },
       .naive = [](const Arrays& x) { return scalar(sum(x[0])); },
       .keeps = nothing},
      {.name = "mean",
       .shapes = one,
       .large_shapes = one_large,
       .op = [](const Tensors& x) { return mean(x[0]); },
       .naive =
           [](const Arrays& x) {
             return scalar(sum(x[0]) / static_cast<double>(x[0].values.size()));
           },
       .keeps = nothing},
  };
}

}  // namespace pixelgrad

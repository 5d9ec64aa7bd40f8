// Products of matrices.
#include "autograd/ops/matmul.h"

#include "autograd/op_cases/internal.h"

namespace pixelgrad {
namespace {

OpCase matmul_case() {
  const auto product = [](std::string name, Shape a, Shape b) -> OpSample {
    return {std::move(name), normals({std::move(a), std::move(b)}),
            [](const std::vector<Tensor>& in) { return matmul(in[0], in[1]); }};
  };
  OpCase op;
  op.name = "matmul";
  op.inputs = {"a", "b"};
  op.linear = true;
  op.saved_bytes = saves_inputs;
  op.samples = {
      product("one value", {1, 1}, {1, 1}),
      product("one row times one column", {1, 17}, {17, 1}),
      product("one column times one row", {5, 1}, {1, 7}),
      product("odd sizes", {5, 3}, {3, 7}),
      product("17 by 17", {17, 17}, {17, 17}),
      product("a batch of 3", {3, 4, 5}, {3, 5, 2}),
      product("a batch of one value each", {4, 1, 1}, {4, 1, 1}),
      product("two leading dimensions", {2, 3, 2, 4}, {2, 3, 4, 3}),
      product("several tiles", {257, 33}, {33, 35}),
      {"an input with itself", normals({{4, 4}}),
       [](const std::vector<Tensor>& in) { return matmul(in[0], in[0]); }},
  };
  op.errors = {
      {"sizes that do not meet",
       [] {
         matmul(zeros({2, 3}), zeros({4, 5}));
       },
       "operands are [2,3] and [4,5], expected [...,M,K] and [...,K,N]"},
      {"another batch",
       [] {
         matmul(zeros({2, 2, 3}), zeros({1, 3, 5}));
       },
       "operands are [2,2,3] and [1,3,5], expected matrices with equal leading dimensions"},
      {"a vector", [] { matmul(zeros({3}), zeros({3})); }, "operands are [3] and [3]"},
      {"mixed dtypes",
       [] {
         matmul(zeros({2, 3}), Tensor::zeros({3, 2}, Dtype::f32));
       },
       "left operand holds f64 and right operand f32, expected one dtype"},
      {"no columns",
       [] {
         matmul(zeros({2, 3}), zeros({3, 0}));
       },
       "with K and N of at least 1"},
  };
  return op;
}

OpCase linear_case() {
  const auto layer = [](std::string name, Shape x, int64_t out) -> OpSample {
    const int64_t in = x.back();
    return {std::move(name), normals({std::move(x), {out, in}, {out}}),
            [](const std::vector<Tensor>& in) { return linear(in[0], in[1], in[2]); }};
  };
  OpCase op;
  op.name = "linear";
  op.inputs = {"x", "weight", "bias"};
  op.linear = true;
  op.saved_bytes = [](const OpSample&, const std::vector<Shape>& inputs, const Shape&,
                      int64_t element) { return (numel(inputs[0]) + numel(inputs[1])) * element; };
  op.samples = {
      layer("one value", {1, 1}, 1),
      layer("a vector", {5}, 3),
      layer("one output", {4, 7}, 1),
      layer("one input", {4, 1}, 6),
      layer("3 to 17", {5, 3}, 17),
      layer("17 to 3", {2, 17}, 3),
      layer("pixels of images", {2, 3, 5, 4}, 6),
      {"no bias", normals({{3, 4}, {2, 4}}),
       [](const std::vector<Tensor>& in) { return linear(in[0], in[1]); }},
      layer("several tiles", {257, 35}, 33),
  };
  op.errors = {
      {"other inputs",
       [] {
         linear(zeros({2, 5}), zeros({4, 3}));
       },
       "input is [2,5], expected [...,3] (weight [4,3])"},
      {"bias of another size",
       [] {
         linear(zeros({2, 3}), zeros({4, 3}), zeros({3}));
       },
       "bias is [3], expected [4] (weight [4,3])"},
      {"weight of a convolution",
       [] {
         linear(zeros({2, 3}), zeros({4, 1, 1, 3}));
       },
       "weight is [4,1,1,3], expected [out,in]"},
      {"mixed dtypes",
       [] {
         linear(zeros({2, 3}), Tensor::zeros({4, 3}, Dtype::f32));
       },
       "input holds f64 and weight f32, expected one dtype"},
  };
  return op;
}

}  // namespace

std::vector<OpCase> matmul_cases() { return {matmul_case(), linear_case()}; }

}  // namespace pixelgrad

// Ops that sum over values.
#include "autograd/op_cases/internal.h"
#include "autograd/ops/reduce.h"

namespace pixelgrad {
namespace {

OpCase reduction(std::string name, Tensor (*call)(const Tensor&)) {
  OpCase op;
  op.name = std::move(name);
  op.inputs = {"x"};
  op.linear = true;
  const std::vector<std::pair<std::string, Shape>> shapes = {{"a scalar", {}},
                                                             {"one value", {1}},
                                                             {"3 channels", {2, 3, 5, 3}},
                                                             {"several tiles", {3, 65, 67, 5}}};
  for (const auto& [what, shape] : shapes)
    op.samples.push_back(
        {what, normals({shape}), [call](const std::vector<Tensor>& in) { return call(in[0]); }});
  op.errors = {
      {"labels",
       [call] {
         call(Tensor::zeros({2, 2}, Dtype::i32));
       },
       "i32"},
      {"undefined", [call] { call(Tensor()); }, "undefined"},
  };
  return op;
}

}  // namespace

std::vector<OpCase> reduction_cases() {
  return {reduction("sum", [](const Tensor& x) { return sum(x); }),
          reduction("mean", [](const Tensor& x) { return mean(x); })};
}

}  // namespace pixelgrad

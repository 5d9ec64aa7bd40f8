// Ops that look at one element at a time: activations, arithmetic, dropout.
#include "autograd/op_cases/internal.h"
#include "autograd/ops/activation.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/dropout.h"

namespace pixelgrad {
namespace {

/// A scalar, one value, odd sizes that leave a remainder for every vector width, and enough values
/// for several tiles.
const std::vector<std::pair<std::string, Shape>> usual_shapes = {{"a scalar", {}},
                                                                 {"one value", {1}},
                                                                 {"3 channels", {2, 3, 5, 3}},
                                                                 {"17 channels", {1, 3, 3, 17}},
                                                                 {"several tiles", {1, 65, 67, 9}}};

OpCase unary(std::string name, const std::function<Tensor(const Tensor&)>& call) {
  OpCase op;
  op.name = std::move(name);
  op.inputs = {"x"};
  for (const auto& [what, shape] : usual_shapes)
    op.samples.push_back(
        {what, spaced({shape}), [call](const std::vector<Tensor>& in) { return call(in[0]); }});
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

OpCase binary(std::string name, const std::function<Tensor(const Tensor&, const Tensor&)>& call) {
  OpCase op;
  op.name = std::move(name);
  op.inputs = {"a", "b"};
  op.linear = true;
  for (const auto& [what, shape] : usual_shapes)
    op.samples.push_back({what, normals({shape, shape}),
                          [call](const std::vector<Tensor>& in) { return call(in[0], in[1]); }});
  op.samples.push_back({"an input with itself", normals({{3, 4}}),
                        [call](const std::vector<Tensor>& in) { return call(in[0], in[0]); }});
  op.errors = {
      {"other shapes",
       [call] {
         call(zeros({2, 3}), zeros({3, 2}));
       },
       "[3,2]"},
      {"mixed dtypes", [call] { call(zeros({2}), Tensor::zeros({2}, Dtype::f32)); }, "f32"},
  };
  return op;
}

OpCase dropout_case() {
  const RandomKey key{.seed = 7, .stream = stream_of("dropout of an op case"), .step = 4};
  OpCase op = unary("dropout", [key](const Tensor& x) { return dropout(x, 0.4, true, key); });
  op.linear = true;
  op.samples.push_back(
      {"nothing dropped", normals({{2, 3, 3, 2}}),
       [key](const std::vector<Tensor>& in) { return dropout(in[0], 0, true, key); }});
  op.errors.push_back(
      {"p over 1", [key] { dropout(zeros({2}), 1.5, true, key); }, "[dropout] p is 1.5"});
  op.errors.push_back({"negative p", [key] { dropout(zeros({2}), -0.1, true, key); }, "-0.1"});
  return op;
}

}  // namespace

std::vector<OpCase> pointwise_cases() {
  OpCase relu_case = unary("relu", [](const Tensor& x) { return relu(x); });
  OpCase leaky_case = unary("leaky_relu", [](const Tensor& x) { return leaky_relu(x, 0.1); });
  relu_case.has_kinks = leaky_case.has_kinks = true;
  OpCase scale_case = unary("scale", [](const Tensor& x) { return scale(x, -2.5); });
  scale_case.linear = true;
  return {relu_case,
          leaky_case,
          unary("sigmoid", [](const Tensor& x) { return sigmoid(x); }),
          binary("add", [](const Tensor& a, const Tensor& b) { return add(a, b); }),
          binary("mul", [](const Tensor& a, const Tensor& b) { return mul(a, b); }),
          scale_case,
          dropout_case()};
}

}  // namespace pixelgrad

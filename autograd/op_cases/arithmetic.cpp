// Ops of two operands that broadcast, and powers.
#include "autograd/ops/arithmetic.h"

#include "autograd/op_cases/internal.h"

namespace pixelgrad {
namespace {

using Binary = Tensor (*)(const Tensor&, const Tensor&);

struct Pair {
  std::string name;
  Shape a, b;
};

/// Every way in which one operand, the other or both are repeated; rows that are longer than the
/// buffers of the kernels; and enough values for two tiles.
const std::vector<Pair> pairs = {
    {"scalars", {}, {}},
    {"one value", {1}, {1}},
    {"3 channels", {2, 3, 5, 3}, {2, 3, 5, 3}},
    {"17 channels", {1, 3, 3, 17}, {1, 3, 3, 17}},
    {"a scalar on the right", {2, 3, 5, 3}, {}},
    {"a scalar on the left", {}, {5, 7}},
    {"a number for each channel", {2, 3, 5, 3}, {3}},
    {"a number for each channel of each image", {3, 2, 5, 4}, {3, 1, 1, 4}},
    {"a number for each pixel", {2, 3, 5, 1}, {2, 3, 5, 3}},
    {"rows and columns", {2, 1, 5, 1}, {1, 3, 1, 4}},
    {"a middle axis", {2, 3, 4}, {2, 1, 4}},
    {"missing dimensions", {4, 3}, {2, 3, 4, 1}},
    {"1100 channels", {3, 1, 1100}, {1100}},
    {"two tiles", {1, 61, 60, 9}, {1, 61, 60, 9}},
    {"two tiles, a number for each channel", {9}, {1, 61, 60, 9}},
    {"two tiles, a number for each channel of each image", {2, 61, 30, 9}, {2, 1, 1, 9}},
};

template <class MakeA, class MakeB>
OpCase binary(std::string name, Binary call, MakeA make_a, MakeB make_b) {
  const auto run = [call](const std::vector<Tensor>& in) { return call(in.front(), in.back()); };
  OpCase op;
  op.name = std::move(name);
  op.inputs = {"a", "b"};
  for (const auto& [what, a, b] : pairs)
    op.samples.push_back({what, joined({make_a({a}), make_b({b})}), run});
  op.errors = {
      {"other shapes",
       [call] {
         call(zeros({2, 3}), zeros({3, 2}));
       },
       "operands are [2,3] and [3,2], expected equal sizes, or 1"},
      {"channels first",
       [call] {
         call(zeros({2, 4, 4, 3}), zeros({3, 1, 1}));
       },
       "[3,1,1]"},
      {"mixed dtypes", [call] { call(zeros({2}), Tensor::zeros({2}, Dtype::f32)); },
       "left operand holds f64 and right operand f32"},
      {"labels", [call] { call(Tensor::zeros({2}, Dtype::i32), zeros({2})); },
       "left operand holds i32"},
      {"undefined", [call] { call(zeros({2}), Tensor()); }, "right operand is undefined"},
  };
  return op;
}

OpSample itself(Binary call, MakeInputs inputs) {
  return {"an input with itself", std::move(inputs),
          [call](const std::vector<Tensor>& in) { return call(in[0], in[0]); }};
}

/// The right operand.
int64_t saves_right(const OpSample&, const std::vector<Shape>& inputs, const Shape&,
                    int64_t element) {
  return numel(inputs.back()) * element;
}

/// pow is two functions: of two tensors, and with a number as the exponent, which is the argument.
OpCase pow_case() {
  const Binary call = pow;
  OpCase op = binary("pow", call, positives, normals);
  op.inputs = {"base", "exponent"};
  op.saved_bytes = saves_inputs;
  op.samples.push_back(itself(call, positives({{3, 4}})));
  const auto add = [&op](std::string name, const MakeInputs& inputs, double exponent) {
    op.samples.push_back(
        {std::move(name), inputs,
         [exponent](const std::vector<Tensor>& in) { return pow(in[0], exponent); }, exponent});
  };
  add("to the 2.5", positives({{2, 3, 5, 3}}), 2.5);
  add("to the -1", positives({{1, 3, 3, 17}}), -1);
  add("to the 0.5", positives({{5, 7}}), 0.5);
  add("a square of both signs", normals({{2, 3, 5, 3}}), 2);
  add("a cube of both signs", normals({{2, 3, 5, 3}}), 3);
  add("to the 1, a scalar", normals({{}}), 1);
  add("two tiles to the 1.5", positives({{1, 61, 60, 9}}), 1.5);
  op.errors.push_back({"an undefined base", [] { pow(Tensor(), 2.0); }, "input is undefined"});
  op.errors.push_back(
      {"labels to a number", [] { pow(Tensor::zeros({2}, Dtype::i32), 2.0); }, "input holds i32"});
  return op;
}

}  // namespace

std::vector<OpCase> arithmetic_cases() {
  OpCase added = binary("add", add, normals, normals);
  OpCase subtracted = binary("sub", sub, normals, normals);
  OpCase multiplied = binary("mul", mul, normals, normals);
  OpCase divided = binary("div", div, normals, positives);
  added.linear = subtracted.linear = multiplied.linear = true;
  added.saved_bytes = subtracted.saved_bytes = saves_nothing;
  multiplied.saved_bytes = saves_inputs;
  divided.saved_bytes = saves_right;
  added.samples.push_back(itself(add, normals({{3, 4}})));
  multiplied.samples.push_back(itself(mul, normals({{3, 4}})));
  return {added, subtracted, multiplied, divided, pow_case()};
}

}  // namespace pixelgrad

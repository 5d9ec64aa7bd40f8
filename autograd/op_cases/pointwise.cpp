// Ops that look at one element at a time: activations, elementary functions, dropout, cast, where.
// (Those of two operands that broadcast are in arithmetic.cpp.)
#include <limits>

#include "autograd/op_cases/arguments.h"
#include "autograd/op_cases/internal.h"
#include "autograd/ops/activation.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/cast.h"
#include "autograd/ops/dropout.h"
#include "autograd/ops/elementary.h"
#include "autograd/ops/where.h"

namespace pixelgrad {
namespace {

using Unary = std::function<Tensor(const Tensor&)>;
using Shapes = std::vector<std::pair<std::string, Shape>>;

/// A scalar, one value, sizes that leave a remainder for every vector width, and enough values for
/// two tiles.
const Shapes usual_shapes = {{"a scalar", {}},
                             {"one value", {1}},
                             {"a matrix", {5, 7}},
                             {"1 channel", {1, 4, 5, 1}},
                             {"3 channels", {2, 3, 5, 3}},
                             {"17 channels", {1, 3, 3, 17}},
                             {"34 channels", {1, 3, 1, 34}},
                             {"several tiles", {1, 61, 60, 9}}};

OpSample sample(std::string name, MakeInputs inputs, const Unary& call, std::any arguments = {}) {
  return {std::move(name), std::move(inputs),
          [call](const std::vector<Tensor>& in) { return call(in[0]); }, std::move(arguments)};
}

/// An op of x, in the usual shapes.
OpCase unary(std::string name, MakeInputs (*inputs)(std::vector<Shape>), const Unary& call,
             const std::any& arguments = {}) {
  OpCase op;
  op.name = std::move(name);
  op.inputs = {"x"};
  op.saved_bytes = saves_nothing;
  for (const auto& [what, shape] : usual_shapes)
    op.samples.push_back(sample(what, inputs({shape}), call, arguments));
  op.errors = {
      {"labels",
       [call] {
         call(Tensor::zeros({2, 2}, Dtype::i32));
       },
       "input holds i32"},
      {"an image of bytes", [call] { call(Tensor::zeros({2}, Dtype::u8)); }, "input holds u8"},
      {"undefined", [call] { call(Tensor()); }, "input is undefined"},
  };
  return op;
}

std::vector<OpCase> activation_cases() {
  OpCase rectified = unary("relu", spaced, [](const Tensor& x) { return relu(x); });

  const auto leaky_with = [](double slope) {
    return [slope](const Tensor& x) { return leaky_relu(x, slope); };
  };
  OpCase leaky = unary("leaky_relu", spaced, leaky_with(0.1), 0.1);
  leaky.samples.push_back(sample("slope 0", spaced({{3, 5}}), leaky_with(0), 0.0));
  leaky.samples.push_back(sample("slope over 1", spaced({{3, 5}}), leaky_with(1.5), 1.5));
  leaky.errors.push_back({"negative slope", [] { leaky_relu(zeros({2}), -0.1); },
                          "slope is -0.1, expected at least 0"});

  const auto elu_with = [](double alpha) {
    return [alpha](const Tensor& x) { return elu(x, alpha); };
  };
  OpCase exponential = unary("elu", spaced, elu_with(1), 1.0);
  exponential.samples.push_back(sample("alpha 0.3", spaced({{2, 3, 5, 3}}), elu_with(0.3), 0.3));
  exponential.samples.push_back(sample("alpha 2", spaced({{2, 3, 5, 3}}), elu_with(2), 2.0));
  exponential.errors.push_back(
      {"negative alpha", [] { elu(zeros({2}), -1); }, "alpha is -1, expected at least 0"});
  rectified.has_kinks = leaky.has_kinks = exponential.has_kinks = true;

  const auto gelu_with = [](GeluMode mode) {
    return [mode](const Tensor& x) { return gelu(x, mode); };
  };
  const auto tanh_mode = GeluMode::tanh_approximation;
  OpCase gaussian = unary("gelu", normals, gelu_with(GeluMode::exact), GeluMode::exact);
  gaussian.samples.push_back(
      sample("tails", spaced({{4, 7, 9}}), gelu_with(GeluMode::exact), GeluMode::exact));
  gaussian.samples.push_back(
      sample("by tanh", normals({{2, 3, 5, 3}}), gelu_with(tanh_mode), tanh_mode));
  gaussian.samples.push_back(
      sample("by tanh, tails", spaced({{4, 7, 9}}), gelu_with(tanh_mode), tanh_mode));

  OpCase swish = unary("silu", normals, [](const Tensor& x) { return silu(x); });
  const auto hard = [](const Tensor& x) { return hard_swish(x); };
  OpCase hard_swished = unary("hard_swish", spaced, hard);
  hard_swished.samples.push_back(sample("beyond both bends", spaced({{4, 7, 9}}), hard));
  hard_swished.has_kinks = true;

  const auto softplus_with = [](double beta, double threshold) {
    return [=](const Tensor& x) { return softplus(x, beta, threshold); };
  };
  OpCase soft = unary("softplus", normals, softplus_with(1, 20), SoftplusArguments{1, 20});
  soft.samples.push_back(
      sample("beta 3", normals({{2, 3, 5, 3}}), softplus_with(3, 20), SoftplusArguments{3, 20}));
  soft.samples.push_back(sample("beta 3, threshold 1", spaced({{2, 3, 5, 3}}), softplus_with(3, 1),
                                SoftplusArguments{3, 1}));
  soft.samples.push_back(
      sample("far from 0", spaced({{4, 29, 9}}), softplus_with(1, 20), SoftplusArguments{1, 20}));
  soft.errors.push_back({"beta 0", [] { softplus(zeros({2}), 0); }, "beta is 0, expected more"});
  soft.has_kinks = true;

  for (OpCase* op : {&gaussian, &swish, &hard_swished, &soft}) op->saved_bytes = saves_inputs;
  return {rectified,
          leaky,
          exponential,
          gaussian,
          swish,
          hard_swished,
          soft,
          unary("sigmoid", normals, [](const Tensor& x) { return sigmoid(x); }),
          unary("tanh", normals, [](const Tensor& x) { return tanh(x); })};
}

std::vector<OpCase> elementary_cases() {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  OpCase logarithm = unary("log", positives, [](const Tensor& x) { return log(x); });
  OpCase absolute = unary("abs", spaced, [](const Tensor& x) { return abs(x); });

  const auto clamp_to = [](double lowest, double highest) {
    return [=](const Tensor& x) { return clamp(x, lowest, highest); };
  };
  OpCase clamped = unary("clamp", spaced, clamp_to(-0.5, 0.75), ClampArguments{-0.5, 0.75});
  clamped.samples.push_back(sample("from below", spaced({{3, 5}}), clamp_to(-0.2, infinity),
                                   ClampArguments{-0.2, infinity}));
  clamped.samples.push_back(sample("from above", spaced({{3, 5}}), clamp_to(-infinity, 0.1),
                                   ClampArguments{-infinity, 0.1}));
  clamped.errors.push_back({"bounds the wrong way round", [] { clamp(zeros({2}), 2, 1); },
                            "lowest is 2 and highest 1, expected lowest <= highest"});
  absolute.has_kinks = clamped.has_kinks = true;
  for (OpCase* op : {&logarithm, &absolute, &clamped}) op->saved_bytes = saves_inputs;

  OpCase scaled = unary(
      "scale", normals, [](const Tensor& x) { return scale(x, -2.5); }, -2.5);
  scaled.linear = true;
  return {unary("exp", normals, [](const Tensor& x) { return exp(x); }),
          unary("sqrt", positives, [](const Tensor& x) { return sqrt(x); }),
          logarithm,
          absolute,
          clamped,
          scaled};
}

OpCase dropout_case() {
  const RandomKey key{.seed = 7, .stream = stream_of("dropout of an op case"), .step = 4};
  const auto drop = [key](double p) {
    return [p, key](const Tensor& x) { return dropout(x, p, true, key); };
  };
  OpCase op = unary("dropout", normals, drop(0.4), DropoutArguments{0.4, key});
  op.linear = true;
  op.samples.push_back(
      sample("nothing dropped", normals({{2, 3, 3, 2}}), drop(0), DropoutArguments{0, key}));
  op.samples.push_back(
      sample("most dropped", normals({{2, 3, 3, 17}}), drop(0.9), DropoutArguments{0.9, key}));
  op.errors.push_back({"p over 1", [drop] { drop(1.5)(zeros({2})); }, "[dropout] p is 1.5"});
  op.errors.push_back({"negative p", [drop] { drop(-0.1)(zeros({2})); }, "-0.1"});
  return op;
}

OpCase dropout2d_case() {
  const RandomKey key{.seed = 8, .stream = stream_of("dropout2d of an op case"), .step = 2};
  const auto drop = [key](double p) {
    return [p, key](const Tensor& x) { return dropout2d(x, p, true, key); };
  };
  OpCase op;
  op.name = "dropout2d";
  op.inputs = {"x"};
  op.linear = true;
  op.saved_bytes = saves_nothing;
  const auto add = [&](std::string name, Shape shape, double p) {
    op.samples.push_back(
        sample(std::move(name), normals({std::move(shape)}), drop(p), DropoutArguments{p, key}));
  };
  add("one pixel", {1, 1, 1, 3}, 0.4);
  add("1 channel", {5, 3, 2, 1}, 0.4);
  add("3 channels", {3, 4, 5, 3}, 0.4);
  add("17 channels", {2, 3, 3, 17}, 0.4);
  add("one image", {1, 5, 7, 8}, 0.4);
  add("nothing dropped", {2, 3, 3, 2}, 0);
  add("most dropped", {4, 3, 3, 17}, 0.9);
  add("several tiles", {2, 61, 30, 9}, 0.4);
  op.errors = {
      {"p over 1",
       [drop] {
         drop(1.5)(zeros({1, 2, 2, 1}));
       },
       "[dropout2d] p is 1.5"},
      {"not an image",
       [drop] {
         drop(0.5)(zeros({2, 3}));
       },
       "input is [2,3], expected [N,H,W,C]"},
      {"undefined", [drop] { drop(0.5)(Tensor()); }, "input is undefined"},
  };
  return op;
}

/// Multiples of 1/8, so that the steps of gradcheck, powers of two, are exact in f32 as well: with
/// other numbers the differences would show the rounding and not the gradient.
MakeInputs eighths(std::vector<Shape> shapes) {
  return [shapes = std::move(shapes)](uint64_t seed) {
    Random random({.seed = seed, .stream = stream_of("cast of an op case")});
    std::vector<double> values(numel(shapes[0]));
    for (double& value : values) value = (static_cast<double>(random.below(64)) - 31.5) / 8;
    return std::vector<Tensor>{Tensor::from(shapes[0], values)};
  };
}

OpCase cast_case() {
  // The last cast is to f32: so the gradients that come back are exact in both dtypes as well.
  OpCase op = unary("cast", eighths, [](const Tensor& x) {
    return cast(cast(cast(x, Dtype::f32), Dtype::f64), Dtype::f32);
  });
  op.errors.push_back(
      {"to bytes", [] { cast(zeros({2}), Dtype::u8); }, "[cast] to u8, expected f32, f64 or bf16"});
  return op;
}

OpSample where_sample(std::string name, Shape condition, Shape a, Shape b) {
  Random random({.seed = 5, .stream = stream_of("condition of an op case")});
  std::vector<uint8_t> values(numel(condition));
  for (uint8_t& value : values) value = static_cast<uint8_t>(random.below(3));
  values[0] = 2;  // what is not 0 holds
  const WhereArguments arguments{std::move(condition), std::move(values)};
  return {std::move(name), normals({std::move(a), std::move(b)}),
          [arguments](const std::vector<Tensor>& in) {
            const Tensor condition =
                Tensor::from(arguments.shape, arguments.condition).to(in[0].device());
            return where(condition, in[0], in[1]);
          },
          arguments};
}

OpCase where_case() {
  OpCase op;
  op.name = "where";
  op.inputs = {"a", "b"};
  op.linear = true;
  op.saved_bytes = [](const OpSample& sample, const std::vector<Shape>&, const Shape&, int64_t) {
    return numel(std::any_cast<const WhereArguments&>(sample.arguments).shape);
  };
  const Shape image = {2, 3, 5, 3};
  op.samples = {where_sample("a scalar", {}, {}, {}),
                where_sample("one value", {1}, {1}, {1}),
                where_sample("3 channels", image, image, image),
                where_sample("17 channels", {1, 3, 3, 17}, {1, 3, 3, 17}, {1, 3, 3, 17}),
                where_sample("a condition of each pixel", {2, 3, 5, 1}, image, image),
                where_sample("a number in place of a tensor", image, image, {}),
                where_sample("all of them repeated", {5, 1}, {2, 1, 1, 3}, {1, 3, 1, 1}),
                where_sample("a condition of more dimensions", {2, 4, 3}, {3}, {4, 1}),
                where_sample("several tiles", {61, 60, 1}, {1, 61, 60, 9}, {9})};
  const auto call = [](Dtype condition, Shape shape) {
    return [=] { where(Tensor::zeros(shape, condition), zeros({2, 3}), zeros({2, 3})); };
  };
  op.errors = {
      {"a condition of numbers", call(Dtype::f64, {2, 3}), "condition holds f64, expected u8"},
      {"a condition of another shape", call(Dtype::u8, {3, 2}), "[3,2] and [2,3]"},
      {"no condition", [] { where(Tensor(), zeros({2}), zeros({2})); }, "condition is undefined"},
      {"mixed dtypes",
       [] { where(Tensor::zeros({2}, Dtype::u8), zeros({2}), Tensor::zeros({2}, Dtype::f32)); },
       "left operand holds f64 and right operand f32"},
  };
  return op;
}

}  // namespace

std::vector<OpCase> pointwise_cases() {
  std::vector<OpCase> all = activation_cases();
  for (OpCase& op : elementary_cases()) all.push_back(std::move(op));
  for (OpCase op : {dropout_case(), dropout2d_case(), cast_case(), where_case()})
    all.push_back(std::move(op));
  return all;
}

}  // namespace pixelgrad

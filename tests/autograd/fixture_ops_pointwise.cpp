// Activations, elementary functions, arithmetic, reductions.
#include <limits>

#include "autograd/ops/activation.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/cast.h"
#include "autograd/ops/elementary.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/where.h"
#include "tests/autograd/fixture_ops.h"

namespace pixelgrad {
namespace {

/// A function of x alone.
FixtureOp unary(Tensor (*op)(const Tensor&)) {
  return [op](const FixtureCall& call) { return op(call["x"]); };
}

/// A function of x and one number.
FixtureOp with_number(Tensor (*op)(const Tensor&, double), const char* name, double otherwise) {
  return [=](const FixtureCall& call) {
    double number = otherwise;
    call.attributes.read(name, number);
    return op(call["x"], number);
  };
}

FixtureOp binary(Tensor (*op)(const Tensor&, const Tensor&)) {
  return [op](const FixtureCall& call) { return op(call["a"], call["b"]); };
}

Tensor gelu_call(const FixtureCall& call) {
  GeluMode mode = GeluMode::exact;
  call.attributes.read_name(
      "mode", mode,
      {{"exact", GeluMode::exact}, {"tanh_approximation", GeluMode::tanh_approximation}});
  return gelu(call["x"], mode);
}

Tensor softplus_call(const FixtureCall& call) {
  double beta = 1, threshold = 20;
  call.attributes.read("beta", beta);
  call.attributes.read("threshold", threshold);
  return softplus(call["x"], beta, threshold);
}

Tensor clamp_call(const FixtureCall& call) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double lowest = -infinity, highest = infinity;
  call.attributes.read("lowest", lowest);
  call.attributes.read("highest", highest);
  return clamp(call["x"], lowest, highest);
}

Tensor pow_call(const FixtureCall& call) {
  if (const Tensor exponent = call["exponent"]) return pow(call["base"], exponent);
  return pow(call["base"], call.attributes.get<double>("exponent"));
}

Tensor cast_call(const FixtureCall& call) {
  Dtype dtype = call["x"].dtype();
  call.attributes.read_name("dtype", dtype, {{"f32", Dtype::f32}, {"f64", Dtype::f64}});
  return cast(call["x"], dtype);
}

/// A sum over axes and its like; `of_all` is the overload without axes, where there is one.
FixtureOp reduction(Tensor (*of_all)(const Tensor&),
                    Tensor (*over)(const Tensor&, const std::vector<int>&, bool)) {
  return [=](const FixtureCall& call) {
    std::vector<int> axes;
    bool keepdim = false;
    call.attributes.read("axes", axes);
    call.attributes.read("keepdim", keepdim);
    return of_all && axes.empty() ? of_all(call["x"]) : over(call["x"], axes, keepdim);
  };
}

}  // namespace

FixtureOps pointwise_fixture_ops() {
  return {
      {"relu", unary(relu)},
      {"leaky_relu", with_number(leaky_relu, "slope", 0.01)},
      {"elu", with_number(elu, "alpha", 1)},
      {"gelu", gelu_call},
      {"silu", unary(silu)},
      {"hard_swish", unary(hard_swish)},
      {"sigmoid", unary(sigmoid)},
      {"tanh", unary(tanh)},
      {"softplus", softplus_call},
      {"exp", unary(exp)},
      {"log", unary(log)},
      {"sqrt", unary(sqrt)},
      {"abs", unary(abs)},
      {"clamp", clamp_call},
  };
}

FixtureOps arithmetic_fixture_ops() {
  return {
      {"add", binary(add)},
      {"sub", binary(sub)},
      {"mul", binary(mul)},
      {"div", binary(div)},
      {"pow", pow_call},
      {"scale", with_number(scale, "factor", 1)},
      {"where",
       [](const FixtureCall& call) { return where(call["condition"], call["a"], call["b"]); }},
      {"cast", cast_call},
  };
}

FixtureOps reduction_fixture_ops() {
  return {
      {"sum", reduction(sum, sum)},
      {"mean", reduction(mean, mean)},
      {"max", reduction(nullptr, max)},
  };
}

}  // namespace pixelgrad

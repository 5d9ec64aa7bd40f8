// Activations, arithmetic, reductions, and ops that move values.
#include "autograd/ops/activation.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/concat.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/shape.h"
#include "tests/autograd/fixture_ops.h"

namespace pixelgrad {

FixtureOps pointwise_fixture_ops() {
  return {
      {"relu", [](const FixtureCall& call) { return relu(call["x"]); }},
      {"leaky_relu",
       [](const FixtureCall& call) {
         return leaky_relu(call["x"], call.attributes.get<double>("slope"));
       }},
      {"sigmoid", [](const FixtureCall& call) { return sigmoid(call["x"]); }},
      {"scale",
       [](const FixtureCall& call) {
         return scale(call["x"], call.attributes.get<double>("factor"));
       }},
      {"add", [](const FixtureCall& call) { return add(call["a"], call["b"]); }},
      {"mul", [](const FixtureCall& call) { return mul(call["a"], call["b"]); }},
  };
}

FixtureOps reduction_fixture_ops() {
  return {
      {"sum", [](const FixtureCall& call) { return sum(call["x"]); }},
      {"mean", [](const FixtureCall& call) { return mean(call["x"]); }},
  };
}

FixtureOps shape_fixture_ops() {
  return {
      {"concat",
       [](const FixtureCall& call) {
         std::vector<Tensor> parts;
         for (const auto& [name, part] : call.inputs) parts.push_back(part);
         return concat(parts);
       }},
      {"reshape",
       [](const FixtureCall& call) {
         return reshape(call["x"], call.attributes.get<Shape>("shape"));
       }},
      {"crop2d",
       [](const FixtureCall& call) {
         const auto size = [&](const char* name) { return call.attributes.get<int64_t>(name); };
         return crop2d(call["x"], size("top"), size("left"), size("height"), size("width"));
       }},
  };
}

}  // namespace pixelgrad

// Ops that move values, and matrix products.
#include "autograd/ops/concat.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/pad.h"
#include "autograd/ops/shape.h"
#include "tests/autograd/fixture_ops.h"

namespace pixelgrad {
namespace {

Tensor concat_call(const FixtureCall& call) {
  std::vector<Tensor> parts;
  for (const auto& [name, part] : call.inputs) parts.push_back(part);
  int axis = -1;
  call.attributes.read("axis", axis);
  return concat(parts, axis);
}

Tensor slice_call(const FixtureCall& call) {
  const auto number = [&](const char* name) { return call.attributes.get<int64_t>(name); };
  return slice(call["x"], call.attributes.get<int>("axis"), number("start"), number("stop"),
               number("step"));
}

Tensor crop2d_call(const FixtureCall& call) {
  const auto number = [&](const char* name) { return call.attributes.get<int64_t>(name); };
  return crop2d(call["x"], number("top"), number("left"), number("height"), number("width"));
}

Tensor pad2d_call(const FixtureCall& call) {
  Pad2dSpec spec;
  call.attributes.read_name("mode", spec.mode,
                            {{"constant", PadMode::constant},
                             {"reflect", PadMode::reflect},
                             {"replicate", PadMode::replicate}});
  call.attributes.read("left", spec.left);
  call.attributes.read("right", spec.right);
  call.attributes.read("top", spec.top);
  call.attributes.read("bottom", spec.bottom);
  call.attributes.read("value", spec.value);
  return pad2d(call["x"], spec);
}

}  // namespace

FixtureOps shape_fixture_ops() {
  using Call = const FixtureCall&;
  return {
      {"concat", concat_call},
      {"reshape",
       [](Call call) { return reshape(call["x"], call.attributes.get<Shape>("shape")); }},
      {"permute",
       [](Call call) { return permute(call["x"], call.attributes.get<std::vector<int>>("axes")); }},
      {"slice", slice_call},
      {"crop2d", crop2d_call},
      {"pixel_shuffle",
       [](Call call) {
         return pixel_shuffle(call["x"], call.attributes.get<int64_t>("upscale_factor"));
       }},
      {"pad2d", pad2d_call},
  };
}

FixtureOps matmul_fixture_ops() {
  using Call = const FixtureCall&;
  return {
      {"matmul", [](Call call) { return matmul(call["a"], call["b"]); }},
      {"linear", [](Call call) { return linear(call["x"], call["weight"], call["bias"]); }},
  };
}

}  // namespace pixelgrad

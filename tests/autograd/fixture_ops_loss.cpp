// Softmax and losses.
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/log_softmax.h"
#include "autograd/ops/mse.h"
#include "tests/autograd/fixture_ops.h"

namespace pixelgrad {
namespace {

Tensor cross_entropy_call(const FixtureCall& call) {
  CrossEntropySpec spec{.class_weights = call["class_weights"]};
  call.attributes.read("ignore_index", spec.ignore_index);
  call.attributes.read("label_smoothing", spec.label_smoothing);
  return cross_entropy(call["logits"], call["labels"], spec);
}

}  // namespace

FixtureOps loss_fixture_ops() {
  return {
      {"softmax", [](const FixtureCall& call) { return softmax(call["x"]); }},
      {"log_softmax", [](const FixtureCall& call) { return log_softmax(call["x"]); }},
      {"cross_entropy", cross_entropy_call},
      {"mse", [](const FixtureCall& call) { return mse(call["x"], call["target"]); }},
  };
}

}  // namespace pixelgrad

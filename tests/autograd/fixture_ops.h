#pragma once
#include <functional>
#include <map>
#include <string>

#include "tests/support/fixtures.h"

// The library's side of the fixtures: for each op, the call that a case describes.
namespace pixelgrad {

/// What a case holds, in the precision that is on trial.
struct FixtureCall {
  testing::NamedTensors inputs;
  testing::NamedTensors constants;
  const testing::Attributes& attributes;

  /// An input or a constant; undefined where the case has none of that name.
  Tensor operator[](const char* name) const {
    for (const testing::NamedTensors* tensors : {&inputs, &constants})
      if (const auto found = tensors->find(name); found != tensors->end()) return found->second;
    return {};
  }
};

using FixtureOp = std::function<Tensor(const FixtureCall& call)>;

/// By the op's name.
using FixtureOps = std::map<std::string, FixtureOp>;

/// Of each file of cases.
FixtureOps arithmetic_fixture_ops();
FixtureOps convolution_fixture_ops();
FixtureOps fusion_fixture_ops();
FixtureOps loss_fixture_ops();
FixtureOps matmul_fixture_ops();
FixtureOps normalization_fixture_ops();
FixtureOps pointwise_fixture_ops();
FixtureOps pooling_fixture_ops();
FixtureOps reduction_fixture_ops();
FixtureOps region_loss_fixture_ops();
FixtureOps resize_fixture_ops();
FixtureOps shape_fixture_ops();

}  // namespace pixelgrad

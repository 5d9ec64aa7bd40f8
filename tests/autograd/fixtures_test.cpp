// Values and gradients of every op against PyTorch's, in both precisions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "autograd/graph.h"
#include "autograd/op_cases.h"
#include "tests/autograd/fixture_ops.h"

namespace pixelgrad {
namespace {

using testing::Fixture;
using testing::NamedTensors;

/// Ops that PyTorch does not have, and why.
const std::map<std::string, std::string> without_fixture = {
    {"center_crop2d", "torchvision's center_crop rounds odd margins to even, ours down"},
    {"dropout", "which values fall depends on the random numbers"},
    {"dropout2d", "which channels fall depends on the random numbers"},
};

struct Family {
  std::string file;
  FixtureOps (*ops)();
};

const std::vector<Family> families = {
    {"arithmetic", arithmetic_fixture_ops}, {"convolution", convolution_fixture_ops},
    {"fusion", fusion_fixture_ops},         {"loss", loss_fixture_ops},
    {"matmul", matmul_fixture_ops},         {"normalization", normalization_fixture_ops},
    {"pointwise", pointwise_fixture_ops},   {"pooling", pooling_fixture_ops},
    {"reduction", reduction_fixture_ops},   {"region_loss", region_loss_fixture_ops},
    {"resize", resize_fixture_ops},         {"shape", shape_fixture_ops},
};

const FixtureOps& fixture_ops() {
  static const FixtureOps all = [] {
    FixtureOps merged;
    for (const Family& family : families) merged.merge(family.ops());
    return merged;
  }();
  return all;
}

const std::vector<Fixture>& fixtures() {
  static const std::vector<Fixture> all = [] {
    std::vector<Fixture> joined;
    for (const Family& family : families)
      for (Fixture& fixture : testing::read_fixtures(family.file))
        joined.push_back(std::move(fixture));
    return joined;
  }();
  return all;
}

/// Copies, the floating ones as `dtype`.
NamedTensors copies(const NamedTensors& tensors, Dtype dtype) {
  NamedTensors result;
  for (const auto& [name, tensor] : tensors)
    result[name] = (is_floating(tensor.dtype()) ? tensor.to(dtype) : tensor).clone();
  return result;
}

/// What the library makes of a case, under the names that the fixture has for it.
NamedTensors run(const Fixture& fixture, Dtype dtype) {
  const FixtureCall call{.inputs = copies(fixture.group("inputs"), dtype),
                         .constants = copies(fixture.group("constants"), dtype),
                         .attributes = fixture.attributes};
  for (const auto& [name, x] : call.inputs) require_grad(x);
  const Tensor out = fixture_ops().at(fixture.op)(call);
  backward(out, fixture.at("dy").to(out.dtype()));
  NamedTensors results = {{"out", out}};
  for (const auto& [name, x] : call.inputs) results["gradients/" + name] = grad(x);
  for (const auto& [name, constant] : call.constants) {
    if (fixture.tensors.contains("after/" + name))
      results["after/" + name] = constant;
    else
      EXPECT_EQ(testing::l2_error(constant, fixture.at("constants/" + name)), 0)
          << name << " was changed";
  }
  return results;
}

class OpFixture : public ::testing::TestWithParam<Fixture> {};

TEST_P(OpFixture, EqualsPyTorch) {
  const Fixture& fixture = GetParam();
  ASSERT_TRUE(fixture_ops().contains(fixture.op)) << "no call in tests/autograd/fixture_ops_*.cpp";
  for (const auto& [name, got] : run(fixture, Dtype::f64))
    EXPECT_LE(testing::l2_error(got, fixture.at(name)), 1e-12) << name << " in f64";
  for (const auto& [name, got] : run(fixture, Dtype::f32))
    EXPECT_LE(testing::l2_error(got, fixture.at(name)), fixture.f32_tolerance(name))
        << name << " in f32; PyTorch's error is " << fixture.f32_errors.at(name);
  EXPECT_THAT(fixture.attributes.unread(), ::testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Files, OpFixture, ::testing::ValuesIn(fixtures()),
                         [](const auto& info) { return testing::test_name(info.param); });

TEST(OpFixtures, CoverEveryOpThatPyTorchHas) {
  std::set<std::string> covered, ops;
  for (const Fixture& fixture : fixtures()) covered.insert(fixture.op);
  for (const OpCase& op : op_cases()) {
    ops.insert(op.name);
    EXPECT_NE(covered.contains(op.name), without_fixture.contains(op.name))
        << op.name << " needs cases in tests/reference/fixture_cases, or a reason to have none";
  }
  for (const std::string& op : covered) EXPECT_TRUE(ops.contains(op)) << op << " is no op";
  for (const auto& [op, reason] : without_fixture)
    EXPECT_TRUE(ops.contains(op)) << op << " is no op";
}

TEST(OpFixtures, AreAllReadAndSmall) {
  std::set<std::string> known = {"models", "optimizers", "schedules"};  // read in other tests
  for (const Family& family : families) known.insert(family.file);
  std::set<std::string> files;
  uintmax_t bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(PIXELGRAD_FIXTURES)) {
    if (!file.is_regular_file()) continue;
    if (file.path().parent_path() == PIXELGRAD_FIXTURES) files.insert(file.path().stem().string());
    bytes += file.file_size();
  }
  EXPECT_EQ(files, known);
  EXPECT_LE(bytes, 3'000'000u) << "for the sake of whoever clones the repository";
}

// A difference in one element of many, a NaN, another shape: the measure must see them.
TEST(OpFixtures, MeasureErrors) {
  const Tensor x = Tensor::from<double>({4}, {3, 0, 0, 4});
  EXPECT_EQ(testing::l2_error(x, x), 0);
  EXPECT_DOUBLE_EQ(testing::l2_error(Tensor::from<double>({4}, {3, 0, 1e-9, 4}), x), 2e-10);
  EXPECT_EQ(testing::l2_error(Tensor::from<double>({4}, {3, 0, NAN, 4}), x), INFINITY);
  EXPECT_EQ(testing::l2_error(x, Tensor::zeros({4}, Dtype::f64)), INFINITY);
  EXPECT_EQ(testing::l2_error(x, Tensor::from<double>({2, 2}, {3, 0, 0, 4})), INFINITY);
}

}  // namespace
}  // namespace pixelgrad

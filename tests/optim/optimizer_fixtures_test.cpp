// Ten steps of every optimizer, with learning rates that change, against PyTorch's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "optim/adam.h"
#include "optim/sgd.h"
#include "tests/support/fixtures.h"

namespace pixelgrad {
namespace {

using testing::Fixture;

/// The optimizer of a case, for `params`.
std::unique_ptr<Optimizer> make_optimizer(const Fixture& fixture, std::vector<NamedTensor> params) {
  if (fixture.op == "sgd") {
    SgdOptions options;
    fixture.attributes.read("momentum", options.momentum);
    fixture.attributes.read("weight_decay", options.weight_decay);
    fixture.attributes.read("dampening", options.dampening);
    fixture.attributes.read("nesterov", options.nesterov);
    return std::make_unique<Sgd>(std::move(params), options);
  }
  AdamOptions options;
  fixture.attributes.read("beta1", options.beta1);
  fixture.attributes.read("beta2", options.beta2);
  fixture.attributes.read("eps", options.eps);
  fixture.attributes.read("weight_decay", options.weight_decay);
  if (fixture.op == "adam") return std::make_unique<Adam>(std::move(params), options);
  if (fixture.op == "adamw") return std::make_unique<AdamW>(std::move(params), options);
  throw Error(str("no optimizer is called ", fixture.op));
}

/// values[row] of a tensor [rows, ...].
Tensor row_of(const Tensor& values, int64_t row) {
  const Shape shape(values.shape().begin() + 1, values.shape().end());
  const int64_t n = numel(shape);
  return Tensor::from(
      shape, values.span<float>().subspan(static_cast<size_t>(row * n), static_cast<size_t>(n)));
}

/// The parameters of a case, and its gradients and learning rates step by step.
class Steps {
 public:
  Steps(const Fixture& fixture, Dtype dtype)
      : gradients_(fixture.group("gradients")), rates_(fixture.at("rates").to_doubles()) {
    for (const auto& [name, start] : fixture.group("start"))
      params.push_back({name, start.to(dtype).clone()});
  }

  int64_t count() const { return static_cast<int64_t>(rates_.size()); }

  void take(Optimizer& optimizer, int64_t step) const {
    std::vector<Tensor> gradients;
    for (const NamedTensor& p : params)
      gradients.push_back(row_of(gradients_.at(p.name), step).to(p.tensor.dtype()));
    optimizer.step(rates_[static_cast<size_t>(step)], gradients);
  }

  std::vector<NamedTensor> params;

 private:
  testing::NamedTensors gradients_;
  std::vector<double> rates_;
};

class OptimizerFixture : public ::testing::TestWithParam<Fixture> {
 protected:
  /// The parameters after each step, as the fixture has them: by name, [steps, ...] in f64.
  static testing::NamedTensors run(const Fixture& fixture, Dtype dtype) {
    const Steps steps(fixture, dtype);
    const auto optimizer = make_optimizer(fixture, steps.params);
    std::map<std::string, std::vector<double>> values;
    for (int64_t i = 0; i < steps.count(); ++i) {
      steps.take(*optimizer, i);
      for (const NamedTensor& p : steps.params)
        for (const double v : p.tensor.to_doubles()) values[p.name].push_back(v);
    }
    testing::NamedTensors after;
    for (const auto& [name, v] : values)
      after[name] = Tensor::from(fixture.at("after/" + name).shape(), v);
    return after;
  }
};

TEST_P(OptimizerFixture, EqualsPyTorch) {
  const Fixture& fixture = GetParam();
  for (const auto& [name, got] : run(fixture, Dtype::f64))
    EXPECT_LE(testing::l2_error(got, fixture.at("after/" + name)), 1e-12) << name << " in f64";
  for (const auto& [name, got] : run(fixture, Dtype::f32))
    EXPECT_LE(testing::l2_error(got, fixture.at("after/" + name)), fixture.f32_tolerance(name))
        << name << " in f32; PyTorch's error is " << fixture.f32_errors.at(name);
  EXPECT_THAT(fixture.attributes.unread(), ::testing::IsEmpty());
}

TEST_P(OptimizerFixture, ResumesExactly) {
  Steps whole(GetParam(), Dtype::f64);
  const auto optimizer = make_optimizer(GetParam(), whole.params);
  for (int64_t i = 0; i < 4; ++i) whole.take(*optimizer, i);
  const std::vector<NamedTensor> state = optimizer->state();
  Steps rest(GetParam(), Dtype::f64);
  for (size_t k = 0; k < rest.params.size(); ++k)
    rest.params[k].tensor.copy_from(whole.params[k].tensor);
  for (int64_t i = 4; i < whole.count(); ++i) whole.take(*optimizer, i);

  const auto resumed = make_optimizer(GetParam(), rest.params);
  resumed->load_state(state);
  for (int64_t i = 4; i < rest.count(); ++i) rest.take(*resumed, i);
  for (size_t k = 0; k < rest.params.size(); ++k)
    EXPECT_EQ(rest.params[k].tensor.to_doubles(), whole.params[k].tensor.to_doubles());
}

INSTANTIATE_TEST_SUITE_P(Fixtures, OptimizerFixture,
                         ::testing::ValuesIn(testing::read_fixtures("optimizers")),
                         [](const auto& info) { return testing::test_name(info.param); });

}  // namespace
}  // namespace pixelgrad

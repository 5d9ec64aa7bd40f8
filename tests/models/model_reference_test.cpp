// Whole models at full width against PyTorch: torchvision's and SMP's own, and the papers' written
// in PyTorch. What the fixtures hold is said in tests/reference/fixture_cases/models.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "autograd/ops/activation.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/distance_loss.h"
#include "autograd/ops/weighted_sum.h"
#include "models/registry.h"
#include "optim/sgd.h"
#include "tests/models/counter_formula.h"
#include "tests/support/fixtures.h"

namespace pixelgrad::testing {
namespace {

std::unique_ptr<SegmentationModel> build(const Fixture& fixture, Dtype dtype) {
  const Attributes& a = fixture.attributes;
  auto model = make_model({.name = a.get<std::string>("model"),
                           .classes = a.get<int64_t>("classes"),
                           .options = a.get<OptionMap>("options")});
  model->to(dtype);
  for (const NamedTensor& t : model->state()) fill_state(t.tensor, t.name);
  return model;
}

Tensor evaluated(SegmentationModel& model, const Fixture& fixture, Dtype dtype) {
  const NoGrad no_grad;
  model.eval();
  const Tensor logits =
      model(counter_images(fixture.attributes.get<Shape>("eval_size"), dtype)).logits;
  model.train();
  return logits;
}

/// The loss of the batch: cross entropy of all heads, or the Keras tutorials' squares of sigmoids
/// against colours in [0, 1].
Tensor loss_of(const ModelOutput& out, const std::string& name) {
  if (name == "squares_of_sigmoids") {
    Tensor target = Tensor::empty(out.logits.shape(), Dtype::f64);
    double* colors = target.mutable_data<double>();
    for (int64_t i = 0; i < target.numel(); ++i)
      colors[i] = (counter_uniform(stream_of("target"), i) + 1) / 2;
    return mse(sigmoid(out.logits), target.to(out.logits.dtype()));
  }
  check(name == "cross_entropy", "[test] unknown loss ", name);
  std::vector<Weighted> heads{{1, out.logits}};
  if (out.aux) heads.push_back({out.aux_weight, out.aux});
  const LabelLoss loss = [](const Tensor& z, const Tensor& y) { return cross_entropy(z, y); };
  return deep_supervision(heads, counter_labels(out.logits.shape()), loss);
}

struct Step {
  ModelOutput out;
  double loss;
  std::map<std::string, Tensor> gradients;  ///< undefined where there is none
};

/// Forward and backward of the training batch.
Step run_step(SegmentationModel& model, const Fixture& fixture, Dtype dtype) {
  model.clear_gradients();
  Step step;
  step.out = model(counter_images(fixture.attributes.get<Shape>("train_size"), dtype));
  const Tensor total = loss_of(step.out, fixture.attributes.get<std::string>("loss"));
  step.loss = total.item();
  backward(total);
  const std::vector<NamedTensor> params = model.parameters();
  const std::vector<Tensor> gradients = model.gradients();
  for (size_t i = 0; i < params.size(); ++i) step.gradients[params[i].name] = gradients[i];
  return step;
}

/// Row i of a tensor of summaries.
Summary row(const Tensor& summaries, size_t i) {
  Summary out;
  std::copy_n(summaries.span<double>().begin() + static_cast<std::ptrdiff_t>(6 * i), 6,
              out.begin());
  return out;
}

/// Each number within tolerance * max(norm, floor).
void expect_summary(const Tensor& got, const Summary& expected, double tolerance, double floor,
                    const std::string& what) {
  const Summary summary = got ? summary_of(got) : Summary{};
  const double allowed = tolerance * std::max(expected[4], floor);
  for (size_t j = 0; j < summary.size(); ++j)
    EXPECT_NEAR(summary[j], expected[j], allowed) << what << ", number " << j;
}

/// The largest norm in a tensor of summaries.
double largest_norm(const Tensor& summaries) {
  double largest = 0;
  for (int64_t i = 0; i < summaries.shape(0); ++i)
    largest = std::max(largest, row(summaries, static_cast<size_t>(i))[4]);
  return largest;
}

class ModelReference : public ::testing::TestWithParam<Fixture> {};

TEST_P(ModelReference, LogitsGradientsAndFiveStepsAreThoseOfPyTorch) {
  const Fixture& fixture = GetParam();
  const auto model = build(fixture, Dtype::f64);
  const auto names = fixture.attributes.get<std::vector<std::string>>("parameters");
  ASSERT_EQ(model->parameters().size(), names.size());

  const Tensor logits = evaluated(*model, fixture, Dtype::f64);
  expect_summary(logits, row(fixture.at("eval"), 0), 1e-10, 0, "logits in evaluation");
  const Tensor& pixels = fixture.at("eval_pixels");
  const std::vector<double> values = logits.to_doubles();
  const auto classes = static_cast<size_t>(pixels.shape(1));
  const size_t every = values.size() / classes / static_cast<size_t>(pixels.shape(0));
  for (size_t i = 0; i < static_cast<size_t>(pixels.numel()); ++i)
    EXPECT_NEAR(values[i / classes * every * classes + i % classes], pixels.span<double>()[i],
                1e-10 * row(fixture.at("eval"), 0)[5])
        << "pixel " << i / classes * every << ", class " << i % classes;

  // A gradient that is 0 in exact arithmetic is rounding noise in both, hence the floor.
  const Step step = run_step(*model, fixture, Dtype::f64);
  expect_summary(step.out.logits, row(fixture.at("train"), 0), 1e-10, 0, "logits in training");
  if (fixture.tensors.contains("aux"))
    expect_summary(step.out.aux, row(fixture.at("aux"), 0), 1e-10, 0, "auxiliary logits");
  const double loss = fixture.at("loss").item();
  EXPECT_NEAR(step.loss, loss, 1e-10 * loss);
  const double floor = 1e-6 * largest_norm(fixture.at("gradients"));
  for (size_t i = 0; i < names.size(); ++i) {
    ASSERT_TRUE(step.gradients.contains(names[i])) << names[i];
    expect_summary(step.gradients.at(names[i]), row(fixture.at("gradients"), i), 1e-10, floor,
                   "gradient of " + names[i]);
  }

  const auto again = build(fixture, Dtype::f64);
  Sgd sgd(again->parameters(), {.momentum = 0.9, .weight_decay = 1e-4});
  for (const double expected : fixture.at("losses").to_doubles()) {
    EXPECT_NEAR(run_step(*again, fixture, Dtype::f64).loss, expected, 1e-8 * expected);
    sgd.step(0.01, again->gradients());
  }
  std::map<std::string, Tensor> after;
  for (const NamedTensor& t : again->state()) after[t.name] = t.tensor;
  for (size_t i = 0; i < names.size(); ++i)
    expect_summary(after.at(names[i]), row(fixture.at("after"), i), 1e-8, 0,
                   names[i] + " after five steps");
  const auto buffers = fixture.attributes.get<std::vector<std::string>>("buffers");
  ASSERT_EQ(again->buffers().size(), buffers.size());
  for (size_t i = 0; i < buffers.size(); ++i)
    expect_summary(after.at(buffers[i]), row(fixture.at("buffers_after"), i), 1e-8, 0,
                   buffers[i] + " after five steps");
}

// The errors of f32 against f64 are no larger than twice PyTorch's own.
TEST_P(ModelReference, SinglePrecisionIsAsGoodAsPyTorchs) {
  const Fixture& fixture = GetParam();
  const auto exact = build(fixture, Dtype::f64), single = build(fixture, Dtype::f32);
  const auto allowed = [&](const std::string& what) { return 2 * fixture.f32_errors.at(what); };
  EXPECT_LE(l2_error(evaluated(*single, fixture, Dtype::f32),
                     evaluated(*exact, fixture, Dtype::f64)),
            allowed("eval"));
  const Step a = run_step(*single, fixture, Dtype::f32), b = run_step(*exact, fixture, Dtype::f64);
  EXPECT_LE(l2_error(a.out.logits, b.out.logits), allowed("train"));

  double error = 0, norm = 0;
  for (const auto& [name, expected] : b.gradients) {
    if (!expected) continue;
    const std::vector<double> x = a.gradients.at(name).to_doubles(), y = expected.to_doubles();
    for (size_t i = 0; i < y.size(); ++i) {
      error += (x[i] - y[i]) * (x[i] - y[i]);
      norm += y[i] * y[i];
    }
  }
  EXPECT_LE(std::sqrt(error / norm), allowed("gradients"));
  std::printf("ratios eval %g train %g gradients %g\n", 2*l2_error(evaluated(*single, fixture, Dtype::f32),
                     evaluated(*exact, fixture, Dtype::f64))/allowed("eval"), 2*l2_error(a.out.logits, b.out.logits)/ allowed("train"), 2*std::sqrt(error / norm)/ allowed("gradients"));
  const auto names = fixture.attributes.get<std::vector<std::string>>("parameters");
  for (size_t i = 0; i < names.size(); ++i)
    if (b.gradients.at(names[i]))
      std::printf("%s %g %g\n", names[i].c_str(), l2_error(a.gradients.at(names[i]), b.gradients.at(names[i])), fixture.at("f32_gradient_errors").span<double>()[i]);
}

INSTANTIATE_TEST_SUITE_P(All, ModelReference, ::testing::ValuesIn(read_fixtures("models")),
                         [](const auto& info) { return test_name(info.param); });

}  // namespace
}  // namespace pixelgrad::testing

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

/// The error of all gradients as one vector, relative to its norm.
double gradient_error(const Step& got, const Step& expected) {
  double error = 0, norm = 0;
  for (const auto& [name, gradient] : expected.gradients) {
    if (!gradient) continue;
    const std::vector<double> x = got.gradients.at(name).to_doubles(), y = gradient.to_doubles();
    for (size_t i = 0; i < y.size(); ++i) {
      error += (x[i] - y[i]) * (x[i] - y[i]);
      norm += y[i] * y[i];
    }
  }
  return std::sqrt(error / norm);
}

class ModelReference : public ::testing::TestWithParam<Fixture> {
 protected:
  const Fixture& fixture_ = GetParam();
  const std::vector<std::string> names_ =
      fixture_.attributes.get<std::vector<std::string>>("parameters");
  std::unique_ptr<SegmentationModel> model_ = build(fixture_, Dtype::f64);

  void expect_evaluated(const Tensor& logits) const {
    const Summary expected = row(fixture_.at("eval"), 0);
    expect_summary(logits, expected, 1e-10, 0, "logits in evaluation");
    const Tensor& pixels = fixture_.at("eval_pixels");
    const std::vector<double> values = logits.to_doubles();
    const auto classes = static_cast<size_t>(pixels.shape(1));
    const size_t every = values.size() / classes / static_cast<size_t>(pixels.shape(0));
    for (size_t i = 0; i < static_cast<size_t>(pixels.numel()); ++i)
      EXPECT_NEAR(values[i / classes * every * classes + i % classes], pixels.span<double>()[i],
                  1e-10 * expected[5])
          << "pixel " << i / classes * every << ", class " << i % classes;
  }

  void expect_first_step(const Step& step) const {
    expect_summary(step.out.logits, row(fixture_.at("train"), 0), 1e-10, 0, "logits in training");
    if (fixture_.tensors.contains("aux"))
      expect_summary(step.out.aux, row(fixture_.at("aux"), 0), 1e-10, 0, "auxiliary logits");
    const double loss = fixture_.at("loss").item();
    EXPECT_NEAR(step.loss, loss, 1e-10 * loss);
    // Of a bias before batch norm the gradient is 0 but for rounding, hence the floor.
    const double floor = 1e-4 * largest_norm(fixture_.at("gradients"));
    for (size_t i = 0; i < names_.size(); ++i) {
      ASSERT_TRUE(step.gradients.contains(names_[i])) << names_[i];
      expect_summary(step.gradients.at(names_[i]), row(fixture_.at("gradients"), i), 1e-10, floor,
                     "gradient of " + names_[i]);
    }
  }

  /// f32 against f64, which has just been found right: no worse than twice PyTorch's own.
  void expect_single_precision(const Tensor& logits, const Step& step) const {
    const auto single = build(fixture_, Dtype::f32);
    const auto& pytorch = fixture_.f32_errors;
    EXPECT_LE(l2_error(evaluated(*single, fixture_, Dtype::f32), logits), 2 * pytorch.at("eval"));
    const Step got = run_step(*single, fixture_, Dtype::f32);
    EXPECT_LE(l2_error(got.out.logits, step.out.logits), 2 * pytorch.at("train"));
    EXPECT_LE(gradient_error(got, step), 2 * pytorch.at("gradients"));
  }

  void expect_after_five_steps() const {
    std::map<std::string, Tensor> after;
    for (const NamedTensor& t : model_->state()) after[t.name] = t.tensor;
    for (size_t i = 0; i < names_.size(); ++i)
      expect_summary(after.at(names_[i]), row(fixture_.at("after"), i), 1e-8, 0,
                     names_[i] + " after five steps");
    const auto buffers = fixture_.attributes.get<std::vector<std::string>>("buffers");
    ASSERT_EQ(model_->buffers().size(), buffers.size());
    for (size_t i = 0; i < buffers.size(); ++i)
      expect_summary(after.at(buffers[i]), row(fixture_.at("buffers_after"), i), 1e-8, 0,
                     buffers[i] + " after five steps");
  }
};

TEST_P(ModelReference, LogitsGradientsAndFiveStepsAreThoseOfPyTorch) {
  ASSERT_EQ(model_->parameters().size(), names_.size());
  const Tensor logits = evaluated(*model_, fixture_, Dtype::f64);
  expect_evaluated(logits);
  Sgd sgd(model_->parameters(), {.momentum = 0.9, .weight_decay = 1e-4});
  const std::vector<double> losses = fixture_.at("losses").to_doubles();
  for (size_t i = 0; i < losses.size(); ++i) {
    const Step step = run_step(*model_, fixture_, Dtype::f64);
    if (i == 0) {
      expect_first_step(step);
      expect_single_precision(logits, step);
    }
    EXPECT_NEAR(step.loss, losses[i], 1e-8 * losses[i]) << "step " << i;
    sgd.step(0.01, model_->gradients());
  }
  expect_after_five_steps();
}

INSTANTIATE_TEST_SUITE_P(All, ModelReference, ::testing::ValuesIn(read_fixtures("models")),
                         [](const auto& info) { return test_name(info.param); });

}  // namespace
}  // namespace pixelgrad::testing

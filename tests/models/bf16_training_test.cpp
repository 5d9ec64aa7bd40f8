// Networks whose activations are stored as bf16, against the same in single precision.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "autograd/ops/cross_entropy.h"
#include "layers/init.h"
#include "layers/step_scope.h"
#include "models/registry.h"
#include "optim/adam.h"
#include "tensor/allocator.h"
#include "tensor/kernels/conv2d.h"
#include "tensor/parallel.h"

namespace pixelgrad {
namespace {

using kernels::Precision;

class PrecisionScope {
 public:
  explicit PrecisionScope(Precision precision) { kernels::set_precision(precision); }
  ~PrecisionScope() { kernels::set_precision(Precision::f32); }
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;
};

/// A picture of noise whose left part is brighter, and the label that says so.
struct Example {
  Tensor images, labels;
  Example(int64_t n, int64_t height, int64_t width)
      : images(Tensor::empty({n, height, width, 3}, Dtype::f32)),
        labels(Tensor::empty({n, height, width}, Dtype::i32)) {
    fill_normal(images, {.seed = 5}, 0, 1);
    float* x = images.mutable_data<float>();
    int32_t* y = labels.mutable_data<int32_t>();
    for (int64_t i = 0; i < labels.numel(); ++i) {
      y[i] = i % width < 20 ? 1 : 0;
      if (y[i]) x[3 * i] += 1.5f;
    }
  }
};

std::unique_ptr<SegmentationModel> build(const std::string& name, OptionMap options) {
  const InitScope init(3);
  return make_model({.name = name, .classes = 2, .options = std::move(options)});
}

Tensor loss_of(SegmentationModel& model, const Example& example, uint64_t step) {
  const StepScope scope(9, step);
  const ModelOutput out = model.forward(example.images);
  EXPECT_EQ(out.logits.dtype(), Dtype::f32);
  return cross_entropy(out.logits, example.labels);
}

std::vector<double> losses(Precision precision, int steps, bool checkpointed = false) {
  const PrecisionScope scope(precision);
  const Example example(2, 40, 56);
  const auto model = build("unet", {{"width", "6"}, {"depth", "3"}, {"dropout", "0.1"}});
  model->checkpoint_activations(checkpointed);
  AdamW optimizer(model->parameters());
  std::vector<double> all;
  for (int step = 0; step < steps; ++step) {
    const Tensor loss = loss_of(*model, example, static_cast<uint64_t>(step));
    backward(loss);
    optimizer.step(3e-3, model->gradients());
    model->clear_gradients();
    all.push_back(loss.item());
  }
  return all;
}

// The master weights move in f32 and the roundings of 2^-9 point anywhere, so the curves keep
// together: the first losses to a few roundings, all of them to a twentieth of the first.
TEST(Bf16Training, LearnsAsSinglePrecisionDoes) {
  const auto single = losses(Precision::f32, 40), half = losses(Precision::bf16, 40);
  EXPECT_NE(single[0], half[0]) << "nothing was rounded";
  EXPECT_NEAR(half[0], single[0], 0.01 * single[0]);
  EXPECT_LT(half.back(), 0.5 * half[0]);
  for (size_t i = 0; i < single.size(); ++i)
    EXPECT_NEAR(half[i], single[i], 0.05 * single[0]) << "step " << i;
}

TEST(Bf16Training, SameBitsForAnyNumberOfThreads) {
  const int before = num_threads();
  set_num_threads(1);
  const auto expected = losses(Precision::bf16, 5);
  for (const int threads : {2, 4}) {
    set_num_threads(threads);
    EXPECT_EQ(losses(Precision::bf16, 5), expected) << threads << " threads";
  }
  set_num_threads(before);
}

TEST(Bf16Training, CheckpointedActivationsGiveTheSameBits) {
  EXPECT_EQ(losses(Precision::bf16, 5, true), losses(Precision::bf16, 5));
}

struct Step {
  Tensor logits;
  Tensor folded = {};  ///< the same without gradients, where norms go into convolutions
  std::vector<double> gradient = {};  ///< of all parameters, one after the other
};

/// Of a new network, whose norms take the batch's statistics in training.
Step step_of(const std::string& name, Precision precision, bool training,
             bool rounded_images = false) {
  const PrecisionScope scope(precision);
  const auto model = build(name, name == "conv1x1" ? OptionMap{} : OptionMap{{"width", "8"}});
  model->train(training);
  const InputPadding p = model->input_padding(48, 48);
  const Example example(4, 48 + p.top + p.bottom, 48 + p.left + p.right);
  const StepScope step(9, 0);
  const ModelOutput out = model->forward(
      rounded_images ? example.images.to(Dtype::bf16).to(Dtype::f32) : example.images);
  backward(cross_entropy(out.logits, example.labels));
  Step result{.logits = out.logits.detach()};
  {
    const NoGrad no_grad;
    result.folded = model->forward(example.images).logits;
  }
  for (const NamedTensor& t : model->parameters()) {
    const Tensor g = grad(t.tensor);
    EXPECT_EQ(t.tensor.dtype(), Dtype::f32) << t.name;
    if (!g) continue;  // of a head that this loss does not see
    EXPECT_EQ(g.dtype(), Dtype::f32) << t.name;
    for (const double v : g.to_doubles()) result.gradient.push_back(v);
  }
  return result;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double relative_difference(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> d(a.size());
  for (size_t i = 0; i < a.size(); ++i) d[i] = a[i] - b[i];
  return std::sqrt(dot(d, d) / dot(b, b));
}

class Bf16Models : public ::testing::TestWithParam<const char*> {};

// With norms that keep their statistics roundings only add up: about a hundred of 2^-9 lie behind
// each other in a ResNet-50, and as they point anywhere make ten times one, 2 percent.
TEST_P(Bf16Models, ComputeWhatSinglePrecisionDoes) {
  const Step single = step_of(GetParam(), Precision::f32, false);
  const Step half = step_of(GetParam(), Precision::bf16, false);
  ASSERT_EQ(half.logits.dtype(), Dtype::f32);
  ASSERT_EQ(half.logits.shape(), single.logits.shape());
  const double off = relative_difference(half.logits.to_doubles(), single.logits.to_doubles());
  EXPECT_GT(off, 1e-5) << "nothing was rounded";
  EXPECT_LE(off, 0.04);
  EXPECT_LE(relative_difference(half.folded.to_doubles(), single.folded.to_doubles()), 0.04);
  ASSERT_EQ(half.gradient.size(), single.gradient.size());
  EXPECT_GE(dot(half.gradient, single.gradient) / std::sqrt(dot(half.gradient, half.gradient) *
                                                            dot(single.gradient, single.gradient)),
            0.99);
}

// The statistics of a batch make an untrained network stretch every difference: rounding the images
// alone moves the logits of a ResNet-50 by a quarter. The other roundings do not move them much
// more.
TEST_P(Bf16Models, AreMovedByTheirRoundingsAsByThoseOfTheImages) {
  const Step single = step_of(GetParam(), Precision::f32, true);
  const Step images = step_of(GetParam(), Precision::f32, true, true);
  const Step half = step_of(GetParam(), Precision::bf16, true);
  const auto moved = [&](const Step& step) {
    return relative_difference(step.logits.to_doubles(), single.logits.to_doubles());
  };
  EXPECT_LE(moved(half), 8 * moved(images));
  ASSERT_EQ(half.gradient.size(), single.gradient.size());
  for (const double g : half.gradient) ASSERT_TRUE(std::isfinite(g));
}

INSTANTIATE_TEST_SUITE_P(All, Bf16Models,
                         ::testing::Values("unet", "pspnet-resnet50", "deeplabv3-resnet50",
                                           "deeplabv3plus-resnet50", "unet-resnet18",
                                           "pspnet-keras", "conv1x1"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             if (c == '-') c = '_';
                           return name;
                         });

int64_t peak_of_a_step(Precision precision) {
  const PrecisionScope scope(precision);
  const auto model = build("unet", {{"width", "16"}, {"depth", "3"}});
  const Example example(4, 160, 160);
  const int64_t before = memory_stats().in_use;
  reset_peak_memory();
  backward(loss_of(*model, example, 0));
  return memory_stats().peak_in_use - before;
}

// Activations and their gradients are all but everything; the rest (logits, weight gradients, what
// a convolution converts at a time) stays f32.
TEST(Bf16Training, AStepTakesLittleMoreThanHalfOfTheMemory) {
  const int64_t single = peak_of_a_step(Precision::f32), half = peak_of_a_step(Precision::bf16);
  EXPECT_LT(half, 0.7 * single) << half << " of " << single << " bytes";
}

TEST(Bf16Training, OtherTypesOfImagesAreLeftAlone) {
  const PrecisionScope scope(Precision::bf16);
  const auto model = build("unet", {{"width", "4"}, {"depth", "2"}});
  model->to(Dtype::f64);
  EXPECT_EQ(model->forward(Tensor::zeros({1, 8, 8, 3}, Dtype::f64)).logits.dtype(), Dtype::f64);
}

}  // namespace
}  // namespace pixelgrad

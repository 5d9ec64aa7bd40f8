// Training as a whole: the same bits for any number of threads, learning, and NaNs that have an
// address.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "autograd/ops/cross_entropy.h"
#include "layers/init.h"
#include "layers/step_scope.h"
#include "models/registry.h"
#include "optim/adam.h"
#include "tensor/allocator.h"
#include "tensor/parallel.h"

namespace pixelgrad {
namespace {

/// A picture of noise whose left part is brighter, and the label that says so.
struct Example {
  Tensor images = Tensor::empty({2, 40, 56, 3}, Dtype::f32);
  Tensor labels = Tensor::empty({2, 40, 56}, Dtype::i32);
  Example() {
    fill_normal(images, {.seed = 5}, 0, 1);
    float* x = images.mutable_data<float>();
    int32_t* y = labels.mutable_data<int32_t>();
    for (int64_t i = 0; i < labels.numel(); ++i) {
      y[i] = i % 56 < 20 ? 1 : 0;
      if (y[i]) x[3 * i] += 1.5f;
    }
  }
};

std::unique_ptr<SegmentationModel> small_unet() {
  const InitScope init(3);
  return make_model({.name = "unet",
                     .classes = 2,
                     .options = {{"width", "6"}, {"depth", "3"}, {"dropout", "0.1"}}});
}

/// One step; returns the loss before it.
double train_step(SegmentationModel& model, Optimizer& optimizer, const Example& example,
                  uint64_t step) {
  const StepScope scope(9, step);
  const Tensor loss = cross_entropy(model.forward(example.images).logits, example.labels);
  backward(loss);
  optimizer.step(3e-3, model.gradients());
  model.clear_gradients();
  return loss.item();
}

TEST(Training, SameBitsForAnyNumberOfThreads) {
  const int before = num_threads();
  const Example example;
  std::vector<std::vector<float>> parameters;
  for (const int threads : {1, 2, 4}) {
    set_num_threads(threads);
    const auto model = small_unet();
    AdamW optimizer(model->parameters());
    for (uint64_t step = 0; step < 20; ++step) train_step(*model, optimizer, example, step);
    auto& all = parameters.emplace_back();
    for (const NamedTensor& t : model->state())
      if (t.tensor.dtype() == Dtype::f32) {
        const auto values = t.tensor.span<float>();
        all.insert(all.end(), values.begin(), values.end());
      }
  }
  set_num_threads(before);
  ASSERT_GT(parameters[0].size(), 1000u);
  for (const auto& other : {parameters[1], parameters[2]})
    EXPECT_EQ(std::memcmp(parameters[0].data(), other.data(), other.size() * sizeof(float)), 0);
}

// On one thread: how many scratch blocks live at a time on several depends on the scheduler.
TEST(Training, LearnsAndStopsAskingForMemory) {
  const int before = num_threads();
  set_num_threads(1);
  const Example example;
  const auto model = small_unet();
  AdamW optimizer(model->parameters());
  const double first = train_step(*model, optimizer, example, 0);
  double last = first;
  int64_t asked = 0;
  for (uint64_t step = 1; step < 40; ++step) {
    last = train_step(*model, optimizer, example, step);
    if (step == 10) asked = memory_stats().system_calls;
  }
  EXPECT_LT(last, 0.5 * first);
  EXPECT_EQ(memory_stats().system_calls, asked)
      << "steady-state training asked the system for memory";
  set_num_threads(before);
}

TEST(Training, TheGuardNamesTheFirstOpThatIsNotFinite) {
  Example example;
  example.images.mutable_data<float>()[1234] = std::numeric_limits<float>::infinity();
  const auto model = small_unet();
  const NanGuard guard;
  try {
    model->forward(example.images);
    FAIL() << "an infinite pixel went through";
  } catch (const NonFiniteError& e) {
    EXPECT_THAT(e.what(), ::testing::StartsWith("[conv2d]"));
  }
}

}  // namespace
}  // namespace pixelgrad

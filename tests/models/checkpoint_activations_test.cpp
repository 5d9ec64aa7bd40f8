// Training with checkpoint_activations against training without: the same bits, in the memory that
// was reckoned with.
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
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

struct Example {
  Tensor images, labels;
  Example(const Shape& shape, Dtype dtype)
      : images(Tensor::empty(shape, dtype)),
        labels(Tensor::empty({shape[0], shape[1], shape[2]}, Dtype::i32)) {
    fill_normal(images, {.seed = 5}, 0, 1);
    Random random({.seed = 6});
    for (int64_t i = 0; i < labels.numel(); ++i)
      labels.mutable_data<int32_t>()[i] = static_cast<int32_t>(random.below(2));
  }
};

std::unique_ptr<SegmentationModel> unet(OptionMap options, bool checkpointed) {
  const InitScope init(3);
  auto model = make_model({.name = "unet", .classes = 2, .options = std::move(options)});
  model->checkpoint_activations(checkpointed);
  return model;
}

/// Every tensor that a few steps leave behind, by name. The labels cover what valid padding leaves.
std::vector<NamedTensor> trained(const OptionMap& options, Dtype dtype, const Shape& images,
                                 bool checkpointed) {
  const auto model = unet(options, checkpointed);
  model->to(dtype);
  AdamW optimizer(model->parameters());
  const Example example(images, dtype);
  std::vector<NamedTensor> out;
  for (uint64_t step = 0; step < 4; ++step) {
    Tensor loss;
    {
      const StepScope scope(9, step);
      const Tensor logits = model->forward(example.images).logits;
      const Tensor labels =
          Tensor::zeros({logits.shape(0), logits.shape(1), logits.shape(2)}, Dtype::i32);
      loss = cross_entropy(logits, logits.shape(1) == images[1] ? example.labels : labels);
    }
    // Neither what is drawn next nor the mode of now may reach the backward.
    const StepScope other(1, 77);
    model->eval();
    backward(loss);
    model->train();
    out.push_back({str("loss of step ", step), loss.detach()});
    const auto parameters = model->parameters();
    for (const NamedTensor& p : parameters)
      out.push_back({str("gradient of ", p.name, " in step ", step), grad(p.tensor).clone()});
    optimizer.step(3e-3, model->gradients());
    model->clear_gradients();
  }
  for (const NamedTensor& t : model->state()) out.push_back(t);
  return out;
}

TEST(CheckpointActivations, TrainingHasTheSameBits) {
  const struct {
    const char* name;
    OptionMap options;
    Shape images;
  } cases[] = {
      {"dropout", {{"width", "6"}, {"depth", "3"}, {"dropout", "0.3"}}, {2, 24, 40, 3}},
      {"bilinear", {{"width", "6"}, {"depth", "2"}, {"decoder", "bilinear"}}, {2, 16, 24, 3}},
      {"valid padding", {{"width", "4"}, {"depth", "1"}, {"padding", "valid"}}, {1, 36, 32, 3}},
  };
  for (const auto& c : cases)
    for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
      const auto expected = trained(c.options, dtype, c.images, false);
      const auto got = trained(c.options, dtype, c.images, true);
      ASSERT_EQ(got.size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        const Tensor &a = expected[i].tensor, &b = got[i].tensor;
        ASSERT_EQ(b.bytes(), a.bytes());
        EXPECT_EQ(std::memcmp(b.raw(), a.raw(), a.bytes()), 0)
            << str(c.name, ", ", dtype, ": ", expected[i].name);
      }
    }
}

struct Memory {
  int64_t between, peak;
};

/// Of the second step, beyond what there was before it: between forward and backward, and at most.
Memory memory_of_step(const Shape& images, bool checkpointed) {
  const Example example(images, Dtype::f32);
  const auto model = unet({{"width", "8"}, {"depth", "3"}}, checkpointed);
  Memory memory{};
  for (int step = 0; step < 2; ++step) {
    const int64_t before = memory_stats().in_use;
    reset_peak_memory();
    const Tensor loss = cross_entropy(model->forward(example.images).logits, example.labels);
    memory.between = memory_stats().in_use - before;
    backward(loss);
    memory.peak = memory_stats().peak_in_use - before;
  }
  return memory;
}

// With v the size of a value of the uppermost level, those of level i have v / 2^i. What waits
// between forward and backward, besides the gradient of the logits (2 of 8 channels: v/4):
// - with checkpoints the result of each level, on the way down v + v/2 + v/4 + v/8, each of which
//   is the next level's input and the skip, and on the way up v/4 + v/2 + v: 29/8 v in all;
// - without, of each level and path the results of two convolutions, 2 * 29/8 v; those of the
//   transposed convolutions, v + v/2 + v/4; and the pooled ones, v/4 + v/8 + v/16: 151/16 v,
//   indices and statistics not counted.
// The most is needed when the last stage has run again: there are the inputs of all stages, 29/8 v
// without that stage's result; its transposed convolution's result v, its convolutions' v + v, its
// own once more, and the gradient of that: 29/8 - 1 + 5 v, and what a convolution packs, which is
// less than one value.
TEST(CheckpointActivations, LessMemoryByWhatWasReckoned) {
  const int threads = num_threads();
  set_num_threads(1);  // each has its own scratch memory
  const Shape images{2, 64, 128, 3};
  const double v = [] {  // as the allocator rounds
    const int64_t before = memory_stats().in_use;
    const Tensor value = Tensor::empty({2, 64, 128, 8}, Dtype::f32);
    return static_cast<double>(memory_stats().in_use - before);
  }();
  const Memory whole = memory_of_step(images, false), less = memory_of_step(images, true);
  constexpr double small = 0.1;  // of v: numbers of the channels, scratch
  EXPECT_NEAR(less.between / v, 29. / 8 + 1. / 4, small);
  EXPECT_GE(whole.between / v, 151. / 16 + 1. / 4);
  EXPECT_GE(less.peak / v, 29. / 8 - 1 + 5);
  EXPECT_LE(less.peak / v, 29. / 8 - 1 + 5 + 1);
  EXPECT_GE((whole.peak - less.peak) / v, (151. / 16 + 1. / 4) - (29. / 8 - 1 + 5 + 1));
  set_num_threads(threads);
}

}  // namespace
}  // namespace pixelgrad

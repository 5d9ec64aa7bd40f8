// Module::checkpointed: a stage that runs again sees the module as it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "autograd/ops/arithmetic.h"
#include "autograd/ops/reduce.h"
#include "layers/conv_bn_act.h"
#include "layers/dropout.h"
#include "layers/init.h"
#include "layers/step_scope.h"

namespace pixelgrad {
namespace {

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

Tensor normal(Shape shape, uint64_t stream) {
  Tensor x = Tensor::empty(std::move(shape), Dtype::f32);
  fill_normal(x, {.seed = 7, .stream = stream}, 0.2, 1.3);
  return x;
}

/// A residual stage of two inputs, as in ResNet, with dropout.
class Stage : public Module {
 public:
  Stage()
      : conv(add<Conv2d>("conv", {.in_channels = 4, .out_channels = 4, .padding = 1})),
        bn(add<BatchNorm2d>("bn", {.channels = 4})),
        dropout(add<Dropout>("dropout", {.p = 0.5})),
        last(add<Conv2d>("last", {.in_channels = 4, .out_channels = 4, .kernel_size = 1})) {}
  Tensor forward(const Tensor& x, const Tensor& residual) {
    return checkpointed(
        [this](Tensor x, Tensor residual) {
          ++runs;
          x = conv_bn_act(conv, &bn, Activation::relu, dropout(x), residual);
          return last(x);
        },
        x, residual);
  }
  Conv2d& conv;
  BatchNorm2d& bn;
  Dropout& dropout;
  Conv2d& last;
  int runs = 0;
};

struct Case {
  const char* name;
  bool training, frozen;
};
constexpr Case cases[] = {
    {"training", true, false}, {"frozen norm", true, true}, {"evaluation", false, false}};

// In evaluation without gradients the norm would be folded into the convolution, which rounds
// differently: a forward in NoGrad shows in these bits.
TEST(Checkpointed, HasTheBitsOfTheStageInEveryMode) {
  for (const Case& c : cases) {
    const auto run = [&](bool on) {
      const InitScope init(5);
      Stage stage;
      stage.checkpoint_activations(on);
      Tensor variance = stage.buffers()[1].tensor;
      fill_uniform(variance, {.seed = 2}, 0.3, 1.7);
      stage.train(c.training);
      stage.bn.freeze(c.frozen);
      const Tensor x = require_grad(normal({2, 5, 6, 4}, 1)),
                   r = require_grad(normal(x.shape(), 2));
      std::vector<Tensor> out;
      for (uint64_t step = 0; step < 2; ++step) {
        Tensor y;
        {
          const StepScope scope(11, step);
          y = stage.forward(mul(x, r), r);
        }
        out.push_back(y);
        // Until the backward, everything turns round.
        const StepScope elsewhere(3, 4);
        stage.train(!c.training);
        backward(sum(mul(y, y)));
        EXPECT_EQ(stage.training(), !c.training);
        EXPECT_EQ(stage.dropout.training(), !c.training);
        EXPECT_EQ(StepScope::key(0).seed, 3u);
        EXPECT_EQ(StepScope::key(0).step, 4u);
        stage.train(c.training);
      }
      EXPECT_EQ(stage.runs, on ? 4 : 2) << c.name;
      for (const NamedTensor& p : stage.parameters()) out.push_back(grad(p.tensor));
      for (const NamedTensor& b : stage.buffers()) out.push_back(b.tensor);
      out.insert(out.end(), {grad(x), grad(r)});
      return out;
    };
    const auto expected = run(false), got = run(true);
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_TRUE(same_bits(got[i], expected[i])) << c.name << ", tensor " << i;
    if (c.training) {
      EXPECT_FALSE(same_bits(got[0], got[1])) << "both steps dropped the same";
    }
  }
}

TEST(Checkpointed, AStageWithoutGradientsRunsAsItIs) {
  Stage stage;
  stage.checkpoint_activations();
  stage.eval();
  const Tensor x = normal({2, 5, 6, 4}, 1);
  const NoGrad no_grad;
  const Tensor y = stage.forward(x, x);
  EXPECT_FALSE(needs_grad(y));
  stage.checkpoint_activations(false);
  EXPECT_TRUE(same_bits(stage.forward(x, x), y));
}

/// A stage inside another module.
class Outer : public Module {
 public:
  Outer() : stage(add<Stage>("stage")) {}
  Stage& stage;
};

TEST(Checkpointed, IsSwitchedHereAndBelow) {
  Outer outer;
  const Tensor x = normal({2, 5, 6, 4}, 1);
  const auto runs_of_a_step = [&] {
    outer.stage.runs = 0;
    backward(sum(outer.stage.forward(x, x)));
    return outer.stage.runs;
  };
  EXPECT_EQ(runs_of_a_step(), 1);
  outer.checkpoint_activations();
  EXPECT_EQ(runs_of_a_step(), 2);
  outer.checkpoint_activations(false);
  EXPECT_EQ(runs_of_a_step(), 1);
}

}  // namespace
}  // namespace pixelgrad

// conv_bn_act against its layers one by one: in training bit by bit, folded up to rounding; and
// what it leaves in memory.
#include "layers/conv_bn_act.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "autograd/ops/arithmetic.h"
#include "autograd/ops/concat.h"
#include "layers/init.h"
#include "tensor/allocator.h"

namespace pixelgrad {
namespace {

using testing::HasSubstr;

Tensor normal(Shape shape, Dtype dtype, uint64_t stream) {
  Tensor x = Tensor::empty(std::move(shape), Dtype::f64);
  fill_normal(x, {.seed = 7, .stream = stream}, 0.2, 1.3);
  return x.to(dtype);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

/// A convolution and its norm, whose parameters and statistics are all different numbers.
class Block : public Module {
 public:
  struct Options {
    int64_t channels = 6;
    bool bias = false;
    int64_t kernel_size = 3;
  };
  explicit Block(Options o, Dtype dtype = Dtype::f32)
      : conv(add<Conv2d>("conv", {.in_channels = o.channels,
                                  .out_channels = o.channels,
                                  .kernel_size = o.kernel_size,
                                  .padding = Padding::same,
                                  .bias = o.bias})),
        bn(add<BatchNorm2d>("bn", {.channels = o.channels, .momentum = 0.2})) {
    to(dtype);
    for (const NamedTensor& t : state()) {
      Tensor values = t.tensor;
      if (values.dims() != 1) continue;
      fill_uniform(values, {.seed = 2, .stream = stream_of(t.name)}, 0.4, 1.6);
    }
  }
  Tensor in_steps(Activation activation, const Tensor& x, const Tensor& residual) {
    Tensor y = bn(conv(x));
    if (residual) y = pixelgrad::add(y, residual);
    return activation == Activation::relu ? relu(y) : y;
  }
  Conv2d& conv;
  BatchNorm2d& bn;
};

struct Case {
  const char* mode;
  bool training, frozen;
};
constexpr Case modes[] = {
    {"training", true, false}, {"frozen", true, true}, {"evaluation", false, false}};

TEST(ConvBnAct, HasTheBitsOfItsLayersWhereGradientsAreOn) {
  for (const Case& mode : modes)
    for (const bool residual : {false, true})
      for (const Activation activation : {Activation::none, Activation::relu}) {
        const std::string where = str(mode.mode, residual ? ", residual" : "",
                                      activation == Activation::relu ? ", relu" : "");
        const auto run = [&](bool fused) {
          const InitScope init(5);
          Block block({.channels = 6, .bias = true});
          block.train(mode.training);
          block.bn.freeze(mode.frozen);
          const Tensor x = require_grad(normal({2, 5, 7, 6}, Dtype::f32, 1));
          const Tensor r = residual ? require_grad(normal({2, 5, 7, 6}, Dtype::f32, 2)) : Tensor();
          const Tensor y = fused ? conv_bn_act(block.conv, &block.bn, activation, x, r)
                                 : block.in_steps(activation, x, r);
          backward(y, normal(y.shape(), Dtype::f32, 3));
          std::vector<Tensor> results{y, grad(x)};
          if (r) results.push_back(grad(r));
          for (const Tensor& g : block.gradients()) results.push_back(g);
          for (const NamedTensor& b : block.buffers()) results.push_back(b.tensor);
          return results;
        };
        const auto fused = run(true), steps = run(false);
        ASSERT_EQ(fused.size(), steps.size());
        for (size_t i = 0; i < fused.size(); ++i)
          EXPECT_TRUE(same_bits(fused[i], steps[i])) << where << ", result " << i;
      }
}

TEST(ConvBnAct, FoldedIsTheSameUpToRounding) {
  for (const Dtype dtype : {Dtype::f32, Dtype::f64})
    for (const bool bias : {false, true})
      for (const bool residual : {false, true})
        for (const Activation activation : {Activation::none, Activation::relu}) {
          Block block({.channels = 18, .bias = bias}, dtype);
          block.eval();
          const Tensor x = normal({2, 6, 5, 18}, dtype, 1);
          const Tensor r = residual ? normal({2, 6, 5, 18}, dtype, 2) : Tensor();
          const Tensor x_before = x.clone(), r_before = r ? r.clone() : Tensor();
          const NoGrad no_grad;
          const Tensor folded = conv_bn_act(block.conv, &block.bn, activation, x, r);
          const std::vector<double> expected = block.in_steps(activation, x, r).to_doubles();
          const std::vector<double> got = folded.to_doubles();
          double largest = 0, worst = 0;
          for (size_t i = 0; i < got.size(); ++i) {
            largest = std::max(largest, std::abs(expected[i]));
            worst = std::max(worst, std::abs(got[i] - expected[i]));
          }
          // A sum of 162 products in another rounding: sqrt(162) half units, some times over.
          EXPECT_LE(worst, largest * (dtype == Dtype::f32 ? 2e-6 : 4e-15));
          EXPECT_TRUE(same_bits(x, x_before));
          EXPECT_TRUE(!r || same_bits(r, r_before)) << "only what is fresh is overwritten";
        }
}

TEST(ConvBnAct, FoldsWithoutATrace) {
  Block block({});
  block.eval();
  std::vector<Tensor> before;
  for (const NamedTensor& t : block.state()) before.push_back(t.tensor.clone());
  const NoGrad no_grad;
  conv_bn_act(block.conv, &block.bn, Activation::relu, normal({1, 4, 4, 6}, Dtype::f32, 1));
  size_t i = 0;
  for (const NamedTensor& t : block.state())
    EXPECT_TRUE(same_bits(t.tensor, before[i++])) << t.name;
}

// With batch statistics there is nothing to fold, gradients or not.
TEST(ConvBnAct, TakesStatisticsInTrainingWithoutGradients) {
  const auto run = [](bool gradients) {
    const InitScope init(5);
    Block block({});
    const Tensor x = normal({2, 5, 7, 6}, Dtype::f32, 1);
    std::optional<NoGrad> no_grad;
    if (!gradients) no_grad.emplace();
    std::vector<Tensor> results{conv_bn_act(block.conv, &block.bn, Activation::relu, x).detach()};
    for (const NamedTensor& b : block.buffers()) results.push_back(b.tensor);
    return results;
  };
  const auto with = run(true), without = run(false);
  for (size_t i = 0; i < with.size(); ++i) EXPECT_TRUE(same_bits(with[i], without[i])) << i;
}

TEST(ConvBnAct, WithoutANorm) {
  Block block({.bias = true});
  const Tensor x = normal({1, 3, 4, 6}, Dtype::f32, 1), r = normal({1, 3, 4, 6}, Dtype::f32, 2);
  const Tensor expected = relu(pixelgrad::add(block.conv(x), r));
  const Tensor recorded = conv_bn_act(block.conv, nullptr, Activation::relu, x, r);
  EXPECT_TRUE(needs_grad(recorded));
  EXPECT_TRUE(same_bits(recorded, expected));
  const NoGrad no_grad;
  const Tensor plain = conv_bn_act(block.conv, nullptr, Activation::relu, x, r);
  EXPECT_FALSE(needs_grad(plain));
  EXPECT_TRUE(same_bits(plain, expected));
}

TEST(ConvBnAct, ReadsSeveralInputsAsIfConcatenated) {
  const auto expect_near = [](const Tensor& got, const Tensor& expected, const std::string& what) {
    ASSERT_EQ(got.shape(), expected.shape()) << what;
    EXPECT_THAT(got.to_doubles(),
                testing::Pointwise(testing::DoubleNear(1e-12), expected.to_doubles()))
        << what;
  };
  for (const bool training : {true, false}) {
    const auto run = [&](bool joined) {
      const InitScope init(5);
      ConvBnAct layer({.in_channels = 21, .out_channels = 5, .padding = 1});
      layer.to(Dtype::f64);
      layer.train(training);
      std::vector<Tensor> x;
      for (int64_t c : {17, 1, 3})
        x.push_back(require_grad(normal({2, 5, 7, c}, Dtype::f64, static_cast<uint64_t>(c))));
      const auto forward = [&] { return joined ? layer.forward(concat(x)) : layer.forward(x); };
      const Tensor y = forward();
      backward(y, normal(y.shape(), Dtype::f64, 9));
      std::vector<Tensor> results{y};
      for (const Tensor& input : x) results.push_back(grad(input));
      for (const Tensor& g : layer.gradients()) results.push_back(g);
      const NoGrad no_grad;
      results.push_back(forward());  // in evaluation folded
      return results;
    };
    const auto several = run(false), joined = run(true);
    ASSERT_EQ(several.size(), joined.size());
    for (size_t i = 0; i < several.size(); ++i)
      expect_near(several[i], joined[i], str("training ", training, ", result ", i));
  }
}

TEST(ConvBnAct, RefusesAResidualOfAnotherShape) {
  Block block({});
  const Tensor x = normal({1, 3, 4, 6}, Dtype::f32, 1), r = normal({1, 3, 4, 1}, Dtype::f32, 2);
  const auto refusal = [&](BatchNorm2d* bn) -> std::string {
    try {
      conv_bn_act(block.conv, bn, Activation::relu, x, r);
    } catch (const Error& e) {
      return e.what();
    }
    return "accepted";
  };
  const char* expected = "[conv_bn_act] residual is [1,3,4,1], expected [1,3,4,6]";
  EXPECT_THAT(refusal(&block.bn), HasSubstr(expected));
  EXPECT_THAT(refusal(nullptr), HasSubstr(expected));
  block.eval();
  const NoGrad no_grad;
  EXPECT_THAT(refusal(&block.bn), HasSubstr(expected));
}

constexpr int64_t size = 96, channels = 6;
constexpr int64_t image_bytes = size * size * channels * 4;

/// Blocks in a row, the input of each that of the one before.
class Chain : public Module {
 public:
  explicit Chain(int n) {
    for (int i = 0; i < n; ++i)
      blocks.push_back(&add<Block>(std::to_string(i), {.channels = channels}));
  }
  Tensor forward(Tensor x, bool fused = true, bool residual = false) {
    for (Block* b : blocks) {
      const Tensor r = residual ? x : Tensor();
      x = fused ? conv_bn_act(b->conv, &b->bn, Activation::relu, std::move(x), r)
                : b->in_steps(Activation::relu, x, r);
    }
    return x;
  }
  std::vector<Block*> blocks;
};

int64_t in_use() { return memory_stats().in_use; }

/// The allocator rounds a block up by less than a quarter; statistics are small.
constexpr int64_t at_most(int64_t images) { return images * image_bytes * 5 / 4 + 32768; }

TEST(ConvBnAct, AChainKeepsTheConvolutionsOutputsAndNothingElse) {
  Chain chain(3);
  const Tensor x = normal({1, size, size, channels}, Dtype::f32, 1);
  const int64_t before = in_use();
  {
    const Tensor y = chain.forward(x);
    EXPECT_GE(in_use() - before, 4 * image_bytes);
    EXPECT_LE(in_use() - before, at_most(3 + 1)) << "three of convolutions, and the result";
  }
  EXPECT_LE(in_use() - before, 32768);
  const Tensor y = chain.forward(x, false);
  EXPECT_GE(in_use() - before, 6 * image_bytes) << "the layers one by one keep twice as much";
}

TEST(ConvBnAct, OfSeveralInputsNothingIsKeptButTheirConvolutionsOutputs) {
  Chain chain(2);
  ConvBnAct join({.in_channels = 2 * channels, .out_channels = channels, .padding = 1});
  const Tensor x = normal({1, size, size, channels}, Dtype::f32, 1);
  const auto forward = [&] {
    std::vector<Tensor> inputs;
    for (Block* b : chain.blocks)
      inputs.push_back(conv_bn_act(b->conv, &b->bn, Activation::relu, x));
    return join.forward(std::move(inputs));
  };
  const int64_t before = in_use();
  {
    const Tensor y = forward();
    EXPECT_GE(in_use() - before, 4 * image_bytes);
    EXPECT_LE(in_use() - before, at_most(3 + 1)) << "three of convolutions, and the result";
  }
  const NoGrad no_grad;
  chain.eval();
  join.eval();
  reset_peak_memory();
  const Tensor y = forward();
  EXPECT_LE(memory_stats().peak_in_use - before, at_most(3)) << "both inputs and the result";
}

TEST(ConvBnAct, AChainOfResidualsKeepsEveryThirdSum) {
  Chain chain(6);
  const Tensor x = normal({1, size, size, channels}, Dtype::f32, 1);
  const int64_t before = in_use();
  const Tensor y = chain.forward(x, true, true);
  // Of 6 sums the third and the sixth, which is y.
  EXPECT_GE(in_use() - before, (6 + 2) * image_bytes);
  EXPECT_LE(in_use() - before, at_most(6 + 2));
}

TEST(ConvBnAct, AChainOfResidualsHasTheGradientsOfItsLayers) {
  std::vector<Tensor> expected;
  for (const bool fused : {false, true}) {
    const InitScope init(1);
    Chain chain(7);
    const Tensor x = require_grad(normal({1, 9, 8, channels}, Dtype::f32, 1));
    backward(chain.forward(x, fused, true), normal({1, 9, 8, channels}, Dtype::f32, 2));
    std::vector<Tensor> gradients = chain.gradients();
    gradients.push_back(grad(x));
    if (!fused) expected = gradients;
    for (size_t i = 0; i < gradients.size(); ++i)
      EXPECT_TRUE(same_bits(gradients[i], expected[i])) << i;
  }
}

TEST(ConvBnAct, AStepOfTrainingAsksNothingFromTheSystemAfterTheFirst) {
  Chain chain(3);
  const Tensor x = normal({1, size, size, channels}, Dtype::f32, 1);
  const Tensor dy = normal({1, size, size, channels}, Dtype::f32, 2);
  const auto step = [&] {
    const int64_t before = in_use();
    reset_peak_memory();
    backward(chain.forward(x), dy);
    chain.clear_gradients();
    EXPECT_LE(in_use() - before, 4096) << "all is given back";
    return memory_stats();
  };
  step();
  const MemoryStats first = step();
  for (int i = 0; i < 3; ++i) {
    const MemoryStats next = step();
    EXPECT_EQ(next.system_calls, first.system_calls);
    EXPECT_EQ(next.peak_in_use, first.peak_in_use);
  }
}

TEST(ConvBnAct, FoldedItNeedsNoSecondImage) {
  Block block({.channels = channels, .kernel_size = 1});
  block.eval();
  const Tensor x = normal({1, size, size, channels}, Dtype::f32, 1), r = x.clone();
  const NoGrad no_grad;
  const int64_t before = in_use();
  reset_peak_memory();
  const Tensor y = conv_bn_act(block.conv, &block.bn, Activation::relu, x, r);
  EXPECT_LE(memory_stats().peak_in_use - before, at_most(1));
}

}  // namespace
}  // namespace pixelgrad

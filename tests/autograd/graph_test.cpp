#include "autograd/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "autograd/ops/activation.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/shape.h"
#include "tensor/allocator.h"

namespace pixelgrad {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Tensor vec(const std::vector<double>& values) {
  return Tensor::from({static_cast<int64_t>(values.size())}, values);
}
Tensor leaf(const std::vector<double>& values) { return require_grad(vec(values)); }

constexpr int deep = 300'000;  // nodes; a recursive walk would need tens of MB of stack

TEST(Graph, DeepChainsAreWalkedWithoutRecursion) {
  const Tensor x = leaf({2});
  Tensor y = x;
  for (int i = 0; i < deep; ++i) y = scale(y, i % 2 ? 2 : 0.5);
  backward(y, vec({3}));
  EXPECT_THAT(grad(x).to_doubles(), ElementsAre(3));
}

TEST(Graph, DeepChainsAreFreedWithoutRecursion) {
  const Tensor x = leaf({2});
  // mul's closures hold the tensors before them, and so their nodes
  Tensor y = x;
  for (int i = 0; i < deep; ++i) y = mul(y, x);
  y = {};
  EXPECT_FALSE(grad(x).defined());
}

TEST(Graph, GradientsOfSharedValuesAddUp) {
  const Tensor x = leaf({3});
  const Tensor a = x * x;      // 9
  const Tensor y = a * x + a;  // x^3 + x^2
  backward(y);
  EXPECT_THAT(grad(x).to_doubles(), ElementsAre(3 * 9 + 2 * 3));
}

TEST(Graph, GradientsAddUpOverBackwardCallsUntilCleared) {
  const Tensor x = leaf({3});
  backward(scale(x, 2));
  backward(scale(x, 5));
  EXPECT_THAT(grad(x).to_doubles(), ElementsAre(7));
  clear_grad(x);
  EXPECT_FALSE(grad(x).defined());
  backward(scale(x, 4));
  EXPECT_THAT(grad(x).to_doubles(), ElementsAre(4));
}

// add hands one gradient tensor to both inputs: the leaves must not share it.
TEST(Graph, LeafGradientsOwnTheirStorage) {
  const Tensor a = leaf({1}), b = leaf({2});
  const Tensor seed = vec({10});
  backward(add(a, b), seed);
  EXPECT_NE(grad(a).storage(), grad(b).storage());
  EXPECT_NE(grad(a).storage(), seed.storage());
  backward(scale(a, 1));
  EXPECT_THAT(grad(a).to_doubles(), ElementsAre(11));
  EXPECT_THAT(grad(b).to_doubles(), ElementsAre(10));
  EXPECT_THAT(seed.to_doubles(), ElementsAre(10));
}

// The same where the gradient was computed inside the graph, and nobody outside holds it.
TEST(Graph, GradientsGivenToTwoInputsAreApart) {
  const Tensor a = leaf({1}), b = leaf({2});
  backward(scale(add(a, b), 2));
  backward(scale(a, 1));
  EXPECT_THAT(grad(a).to_doubles(), ElementsAre(3));
  EXPECT_THAT(grad(b).to_doubles(), ElementsAre(2));

  const Tensor u = scale(leaf({1}), 1), c = leaf({5});
  const Tensor v = scale(c, 1);
  const Tensor earlier = scale(u, 100);  // adds to u's gradient while v's waits
  backward(add(scale(add(u, v), 2), earlier));
  EXPECT_THAT(grad(c).to_doubles(), ElementsAre(2));
}

TEST(Graph, BranchesThatTheLossDoesNotUseGetNoGradient) {
  const Tensor x = leaf({3}), unused = leaf({5});
  const Tensor side = relu(unused) * x;
  backward(scale(x, 2));
  EXPECT_FALSE(grad(unused).defined());
  EXPECT_THAT(grad(x).to_doubles(), ElementsAre(2));
  backward(side);  // the branch was not touched
  EXPECT_THAT(grad(unused).to_doubles(), ElementsAre(3));
}

TEST(Graph, AnUndefinedGradientEndsItsPath) {
  const Tensor x = leaf({3}), z = leaf({4});
  const Tensor a = scale(x, 2);
  const Tensor y = record("pick second", vec({1}), {a, z}, [](const Tensor& dy) -> Grads {
    return {Tensor(), dy};
  });
  backward(y);
  EXPECT_FALSE(grad(x).defined());
  EXPECT_THAT(grad(z).to_doubles(), ElementsAre(1));
}

TEST(Graph, AConstantInputIsNotAskedFor) {
  const Tensor x = leaf({3}), constant = vec({4});
  backward(mul(x, constant));
  EXPECT_THAT(grad(x).to_doubles(), ElementsAre(4));
  EXPECT_FALSE(needs_grad(constant));
  EXPECT_THAT([&] { grad(constant); },
              ThrowsMessage<Error>(HasSubstr("[grad] the tensor is not a leaf")));
}

TEST(Graph, InPlaceEditsOfAnInputAreFound) {
  Tensor x = leaf({3});
  const Tensor y = x * x;
  x.fill(7);
  EXPECT_THAT([&] { backward(y); },
              ThrowsMessage<Error>(AllOf(HasSubstr("[backward]"), HasSubstr("'mul'"),
                                         HasSubstr("overwritten in place"))));
}

TEST(Graph, InPlaceEditsOfAnOutputAreFound) {
  const Tensor x = leaf({3});
  Tensor y = relu(x);
  const Tensor z = scale(y, 2);
  y.mutable_data<double>()[0] = 1;
  EXPECT_THAT([&] { backward(z); }, ThrowsMessage<Error>(HasSubstr("overwritten in place")));
}

TEST(Graph, InPlaceEditsThroughAReshapeAreFound) {
  const Tensor x = leaf({3, 4});
  Tensor view = reshape(x, {2, 1});
  const Tensor y = mul(x, x);
  view.fill(0);
  EXPECT_THAT([&] { backward(sum(y)); }, ThrowsMessage<Error>(HasSubstr("overwritten in place")));
}

TEST(Graph, ASecondBackwardIsAnError) {
  const Tensor x = leaf({3});
  const Tensor y = x * x;
  backward(y);
  EXPECT_THAT([&] { backward(y); },
              ThrowsMessage<Error>(AllOf(HasSubstr("'mul'"), HasSubstr("already walked"))));
}

TEST(Graph, BackwardFreesWhatItWalked) {
  const int64_t before = memory_stats().in_use;
  {
    const Tensor x = require_grad(Tensor::full({1 << 16}, 1, Dtype::f32));
    const int64_t with_leaf = memory_stats().in_use;
    const Tensor y = sum(relu(relu(relu(x))));
    EXPECT_GE(memory_stats().in_use - with_leaf, 3 * (1 << 18));  // each relu keeps its output
    backward(y);
    clear_grad(x);
    EXPECT_LE(memory_stats().in_use - with_leaf, 4096);
  }
  EXPECT_EQ(memory_stats().in_use, before);
}

TEST(Graph, BackwardChecksWhatItIsGiven) {
  const Tensor x = leaf({3, 4});
  EXPECT_THAT(
      [&] { backward(scale(x, 2)); },
      ThrowsMessage<Error>(HasSubstr("expected one element or an explicit gradient, got [2]")));
  EXPECT_THAT([&] { backward(scale(x, 2), vec({1})); },
              ThrowsMessage<Error>(HasSubstr("gradient [1] of f64 for a value [2] of f64")));
  EXPECT_THAT([&] { backward(vec({1})); }, ThrowsMessage<Error>(HasSubstr("nothing to do")));
  EXPECT_THAT([&] { require_grad(Tensor::zeros({2}, Dtype::i32)); },
              ThrowsMessage<Error>(HasSubstr("expected a tensor of f32 or f64, got i32")));
}

TEST(Graph, AWrongBackwardIsNamed) {
  const Tensor x = leaf({3, 4});
  const Tensor wrong_shape = record("cubed", vec({1}), {x}, [](const Tensor&) -> Grads {
    return {vec({1, 2, 3})};
  });
  EXPECT_THAT([&] { backward(wrong_shape); },
              ThrowsMessage<Error>(HasSubstr(
                  "[cubed] backward gave a gradient [3] of f64 for input 0, expected [2] of f64")));
  const Tensor wrong_number =
      record("cubed", vec({1}), {x}, [](const Tensor&) -> Grads { return {}; });
  EXPECT_THAT([&] { backward(wrong_number); },
              ThrowsMessage<Error>(HasSubstr("[cubed] backward gave 0 gradients for 1 inputs")));
}

TEST(NoGrad, RecordsNothingWhileItLives) {
  const Tensor x = leaf({3});
  {
    const NoGrad outer;
    {
      const NoGrad inner;
      EXPECT_FALSE(needs_grad(relu(x)));
    }
    EXPECT_FALSE(grad_enabled());
    EXPECT_FALSE(needs_grad(relu(x)));
  }
  EXPECT_TRUE(grad_enabled());
  EXPECT_TRUE(needs_grad(relu(x)));
}

TEST(NanGuard, NamesTheOpWhoseOutputIsNotFinite) {
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor x = leaf({1, 1e308, -2});
  EXPECT_EQ(scale(x, 10).to_doubles()[1], inf);  // nothing is checked without the guard
  const NanGuard guard;
  EXPECT_THAT([&] { scale(relu(x), 10); }, ThrowsMessage<NonFiniteError>(AllOf(
                                               HasSubstr("[scale] output [3] holds inf at index 1"),
                                               HasSubstr("input 0 [3] in [0, 1e+308]"))));
}

TEST(NanGuard, NamesTheOpWhoseGradientIsNotFinite) {
  const Tensor x = leaf({0.5});
  const Tensor y = record("bad slope", vec({1}), {scale(x, 1)}, [](const Tensor& dy) -> Grads {
    return {Tensor::full(dy.shape(), std::numeric_limits<double>::quiet_NaN(), dy.dtype())};
  });
  const NanGuard guard;
  EXPECT_THAT(
      [&] { backward(y); },
      ThrowsMessage<NonFiniteError>(HasSubstr("[bad slope] gradient [1] holds nan at index 0")));
}

}  // namespace
}  // namespace pixelgrad

// Segments that the backward runs again: the same bits, less memory, and errors where a second run
// would not be the first.
#include "autograd/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "autograd/gradcheck_gtest.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/batch_norm.h"
#include "autograd/ops/conv2d.h"
#include "autograd/ops/elementary.h"
#include "autograd/ops/pool.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/shape.h"
#include "tensor/allocator.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

using Tensors = std::vector<Tensor>;

Tensor normal(Shape shape, uint64_t stream, Dtype dtype = Dtype::f32) {
  Tensor x = Tensor::empty(std::move(shape), dtype);
  fill_normal(x, {.seed = 3, .stream = stream}, 0, 1);
  return x;
}
Tensor leaf(Shape shape, uint64_t stream, Dtype dtype = Dtype::f32) {
  return require_grad(normal(std::move(shape), stream, dtype));
}
Tensor vec(const std::vector<double>& values) {
  return Tensor::from({static_cast<int64_t>(values.size())}, values);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

/// checkpoint(segment, inputs), or the segment as it is.
Tensors call(bool on, const Segment& segment, Tensors inputs) {
  return on ? checkpoint(segment, std::move(inputs)) : segment(std::move(inputs));
}

// Sums of five and more terms in f32: a gradient that is added up in another order has other bits,
// one that is counted twice or left out all the more. x and w are used inside and out, before and
// after, w is not among the inputs, and the gradients are added to those of a backward before.
TEST(Checkpoint, HasTheBitsOfTheSegmentWhereItsTensorsAreUsedElsewhereToo) {
  const auto run = [](bool on) {
    const Tensor x = leaf({997}, 1), w = leaf({997}, 2), v = leaf({997}, 3);
    Tensors out;
    for (int step = 0; step < 2; ++step) {
      const Tensor h = mul(exp(x), w);
      const Segment segment = [&](Tensors in) -> Tensors {
        const Tensor a = mul(mul(in[0], in[1]), w);
        const Tensor b = add(mul(in[0], a), mul(w, in[0]));
        return {add(mul(b, in[1]), mul(h, in[1])), a};
      };
      const Tensors y = call(on, segment, {h, x});
      const Tensor z = add(add(mul(y[0], w), mul(h, y[1])), mul(x, y[1]));
      const Tensors again = call(on, segment, {mul(z, v), w});
      backward(add(sum(add(again[0], mul(h, x))), sum(mul(y[0], again[1]))));
      out.insert(out.end(), {y[0], y[1], again[0], again[1], grad(x).clone(), grad(w).clone(),
                             grad(v).clone()});
    }
    return out;
  };
  const Tensors expected = run(false), got = run(true);
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_TRUE(same_bits(got[i], expected[i])) << "tensor " << i;
}

// z is neither an input nor a leaf, and nothing else of the loss depends on it.
TEST(Checkpoint, WhatTheSegmentCapturesGetsItsGradient) {
  const Tensor a = require_grad(vec({3})), b = require_grad(vec({5})), image = vec({2});
  Tensor y;
  {
    const Tensor z = scale(a, 7);
    y = checkpoint([z, b](Tensors in) { return mul(mul(in[0], z), b); }, {image});
  }
  backward(y);
  EXPECT_THAT(grad(a).to_doubles(), ElementsAre(2 * 7 * 5));
  EXPECT_THAT(grad(b).to_doubles(), ElementsAre(2 * 21));
  EXPECT_FALSE(needs_grad(image));
}

TEST(Checkpoint, PassesTheGradientCheck) {
  const Tensor x = normal({2, 5, 6, 3}, 1, Dtype::f64), w = normal({4, 3, 3, 3}, 2, Dtype::f64),
               gamma = normal({4}, 3, Dtype::f64), beta = normal({4}, 4, Dtype::f64);
  EXPECT_GRADCHECK(
      [](const Tensors& in) {
        return checkpoint(
            [gamma = in[2], beta = in[3]](Tensors x) {
              const Tensor z = conv2d(x[0], x[1], {}, {.padding = 1});
              return max_pool2d(batch_norm_act(z, gamma, beta, {}, {}, {}, Activation::relu),
                                {.kernel_size = 2});
            },
            {in[0], in[1]});
      },
      {x, w, gamma, beta});
}

TEST(Checkpoint, TakesAndGivesTensorsOfAllKinds) {
  const auto run = [](bool on) {
    const Tensor x = leaf({50}, 1), w = leaf({50}, 2), constant = normal({50}, 3);
    const Tensor h = mul(x, x);
    const Segment segment = [](Tensors in) -> Tensors {
      EXPECT_FALSE(in[3].defined());
      EXPECT_FALSE(needs_grad(in[2]));
      const Tensor a = mul(in[0], in[1]);
      return {a, mul(in[2], in[2]), in[0], Tensor(), mul(a, in[2]), scale(in[1], 3), in[2]};
    };
    const Tensors y = call(on, segment, {h, w, constant, Tensor()});
    std::vector<bool> wanted;
    for (const Tensor& t : y) wanted.push_back(needs_grad(t));
    EXPECT_THAT(wanted, ElementsAre(true, false, true, false, true, true, false));
    backward(sum(add(add(mul(y[0], y[1]), mul(y[2], y[4])), h)));  // of y[5] nothing
    return Tensors{y[0], y[1], y[2], y[4], y[6], grad(x), grad(w)};
  };
  const Tensors expected = run(false), got = run(true);
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_TRUE(same_bits(got[i], expected[i])) << "tensor " << i;
}

TEST(Checkpoint, AResultThatIsNotUsedAlone) {
  const Tensor x = require_grad(vec({3})), w = require_grad(vec({5}));
  int runs = 0;
  const Tensors y = checkpoint(
      [&](Tensors in) -> Tensors {
        ++runs;
        return {scale(in[0], 2), scale(w, 7)};
      },
      {x});
  backward(scale(x, 4));
  EXPECT_EQ(runs, 1) << "no result was needed";
  EXPECT_THAT(grad(x).to_doubles(), ElementsAre(4));
  backward(y[1]);
  EXPECT_EQ(runs, 2);
  EXPECT_THAT(grad(x).to_doubles(), ElementsAre(4));
  EXPECT_THAT(grad(w).to_doubles(), ElementsAre(7));
}

TEST(Checkpoint, WithoutGradientsIsTheCallAndNoMore) {
  const Tensor x = leaf({1 << 16}, 1);
  int runs = 0;
  const auto segment = [&](Tensors in) {
    ++runs;
    EXPECT_FALSE(recomputing());
    return scale(scale(in[0], 2), 2);
  };
  const int64_t before = memory_stats().in_use;
  {
    const NoGrad no_grad;
    const Tensor y = checkpoint(segment, {x});
    EXPECT_FALSE(needs_grad(y));
    EXPECT_LE(memory_stats().in_use - before, (1 << 18) * 5 / 4);  // as the allocator rounds
  }
  const Tensor y = checkpoint(segment, {x.detach()});
  EXPECT_FALSE(needs_grad(y)) << "nothing that was read wants a gradient";
  EXPECT_LE(memory_stats().in_use - before, (1 << 18) * 5 / 4);  // as the allocator rounds
  EXPECT_EQ(runs, 2);
}

constexpr int segments = 8, ops_in_segment = 16;
constexpr int64_t bytes_of_value = 1 << 19;

/// Squares of squares, each of which keeps its input: 1 stays 1.
Tensor squares(Tensor x, int n) {
  for (int i = 0; i < n; ++i) x = mul(x, x);
  return x;
}

struct Memory {
  double between, peak;  // in values of bytes_of_value
};

/// Between forward and backward, and at most, of a chain of segments * ops_in_segment squares.
Memory memory_of_chain(const std::function<Tensor(Tensor)>& segment) {
  const Tensor x = require_grad(Tensor::full({bytes_of_value / 8}, 1, Dtype::f64));
  const int64_t before = memory_stats().in_use;
  const int64_t block = [&] {  // as the allocator rounds
    const Tensor one = Tensor::empty(x.shape(), x.dtype());
    return memory_stats().in_use - before;
  }();
  reset_peak_memory();
  Tensor y = x;
  for (int i = 0; i < segments; ++i) y = segment(std::move(y));
  Tensor loss = sum(y);
  y = {};
  const int64_t between = memory_stats().in_use - before;
  backward(loss);
  const int64_t peak = memory_stats().peak_in_use - before;
  EXPECT_THAT(grad(x).to_doubles(), Each(std::ldexp(1, segments * ops_in_segment)));
  return {static_cast<double>(between) / block, static_cast<double>(peak) / block};
}

// n values of a chain of squares wait for the backward, all but the last; with segments the first
// of each but that of the chain, and while the last segment goes backward its inner values. Beyond
// that are a gradient and what an op computes of it: mul(x, x) two products.
TEST(Checkpoint, KeepsTheInputsOfTheSegmentsAndTheValuesOfOne) {
  const Memory whole = memory_of_chain([](Tensor x) { return squares(x, ops_in_segment); });
  EXPECT_NEAR(whole.between, segments * ops_in_segment - 1, 0.1);
  EXPECT_GE(whole.peak, segments * ops_in_segment);
  const Memory less = memory_of_chain([](Tensor x) {
    return checkpoint([](Tensors in) { return squares(std::move(in[0]), ops_in_segment); },
                      {std::move(x)});
  });
  EXPECT_NEAR(less.between, segments - 1, 0.1);
  EXPECT_GE(less.peak, segments - 1 + ops_in_segment - 1);
  EXPECT_LE(less.peak, segments - 1 + ops_in_segment - 1 + 4);
}

// A segment of four segments of four: of the outer only the inner ones' inputs wait, and the values
// of one inner one.
TEST(Checkpoint, SegmentsMayBeNested) {
  constexpr int inner = 4;
  int inner_runs = 0;
  const auto nested = [&](Tensor x) {
    return checkpoint(
        [&](Tensors in) {
          Tensor y = std::move(in[0]);
          for (int i = 0; i < inner; ++i)
            y = checkpoint(
                [&](Tensors in) {
                  ++inner_runs;
                  return squares(std::move(in[0]), ops_in_segment / inner);
                },
                {std::move(y)});
          return y;
        },
        {std::move(x)});
  };
  const Memory memory = memory_of_chain(nested);
  EXPECT_NEAR(memory.between, segments - 1, 0.1);
  EXPECT_LE(memory.peak, segments - 1 + inner - 1 + ops_in_segment / inner - 1 + 4);
  EXPECT_EQ(inner_runs, segments * inner * 3) << "forward, outer and inner backward";

  const auto bits = [&](bool on) {
    const Tensor x = leaf({997}, 1), w = leaf({997}, 2);
    const Segment deep = [&](Tensors in) -> Tensors {
      return {add(mul(in[0], w), mul(in[0], in[0]))};
    };
    const Segment outer = [&](Tensors in) -> Tensors {
      const Tensor y = call(on, deep, in)[0];
      return {mul(call(on, deep, {y})[0], w), y};
    };
    const Tensors y = call(on, outer, {x});
    backward(sum(mul(y[0], mul(y[1], w))));
    return Tensors{grad(x), grad(w)};
  };
  const Tensors expected = bits(false), got = bits(true);
  EXPECT_TRUE(same_bits(got[0], expected[0]));
  EXPECT_TRUE(same_bits(got[1], expected[1]));
}

TEST(Checkpoint, KeepsARecipeOfAnInputThatHasOne) {
  constexpr int64_t n = 1 << 16;
  const Tensor x = leaf({n, 1}, 1, Dtype::f64), gamma = leaf({1}, 2, Dtype::f64);
  const int64_t before = memory_stats().in_use;
  const Tensor loss = [&] {
    Tensor y = batch_norm(x, gamma, {}, {}, {});
    return sum(checkpoint([](Tensors in) { return mul(in[0], in[0]); }, {std::move(y)}));
  }();
  EXPECT_LE(memory_stats().in_use - before, 4096);
  backward(loss);
  const Tensor x2 = leaf({n, 1}, 1, Dtype::f64), gamma2 = leaf({1}, 2, Dtype::f64);
  const Tensor y = batch_norm(x2, gamma2, {}, {}, {});
  backward(sum(mul(y, y)));
  EXPECT_TRUE(same_bits(grad(x), grad(x2)));
  EXPECT_TRUE(same_bits(grad(gamma), grad(gamma2)));
}

TEST(Checkpoint, RunningStatisticsMoveOnce) {
  for (const bool nested : {false, true}) {
    const auto run = [&](bool on) {
      const Tensor x = leaf({40, 3}, 1), gamma = leaf({3}, 2);
      Tensor mean = normal({3}, 3), variance = Tensor::full({3}, 2, Dtype::f32);
      const Segment norm = [&](Tensors in) -> Tensors {
        return {batch_norm(in[0], gamma, {}, mean, variance)};
      };
      const Segment outer = [&](Tensors in) -> Tensors { return call(on, norm, in); };
      const Tensor y = call(on, nested ? outer : norm, {x})[0];
      const Tensor after_forward = mean.clone();
      backward(sum(mul(y, y)));
      EXPECT_TRUE(same_bits(mean, after_forward));
      return Tensors{mean, variance, grad(x), grad(gamma)};
    };
    const Tensors expected = run(false), got = run(true);
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_TRUE(same_bits(got[i], expected[i])) << "tensor " << i;
  }
}

TEST(Checkpoint, AnExceptionInTheSegmentLeavesNothingBehind) {
  const Tensor x = require_grad(vec({3})), w = require_grad(vec({5}));
  int throw_in_run = 1, runs = 0;
  const auto segment = [&](Tensors in) {
    const Tensor y = mul(in[0], w);
    if (++runs == throw_in_run) throw std::runtime_error("enough");
    return mul(y, w);
  };
  const int64_t before = memory_stats().in_use;
  const auto expect_sane = [&] {
    EXPECT_TRUE(grad_enabled());
    EXPECT_FALSE(recomputing());
    EXPECT_FALSE(grad(w).defined());
    EXPECT_EQ(memory_stats().in_use, before);
    throw_in_run = 0;
    backward(mul(checkpoint(segment, {x}), x));
    EXPECT_THAT(grad(x).to_doubles(), ElementsAre(2 * 3 * 25));
    EXPECT_THAT(grad(w).to_doubles(), ElementsAre(9 * 2 * 5));
    clear_grad(x);
    clear_grad(w);
  };
  EXPECT_THROW(checkpoint(segment, {x}), std::runtime_error);
  expect_sane();

  throw_in_run = 2;
  runs = 0;
  {
    const Tensor y = checkpoint(segment, {x});
    EXPECT_THROW(backward(y), std::runtime_error);
    EXPECT_EQ(runs, 2);
  }
  expect_sane();
}

TEST(Checkpoint, WhatIsReadMustNotBeOverwritten) {
  const auto overwritten = [](int which) {
    Tensor h = scale(require_grad(vec({3})), 2), w = require_grad(vec({5})), c = vec({7}),
           mean = vec({0}), variance = vec({1});
    const Tensor y = checkpoint(
        [&w, c, mean, variance](Tensors in) {
          const Tensor z = batch_norm(in[0], w, {}, mean, variance, {.training = false});
          return mul(mul(z, w), c);
        },
        {h});
    if (which < 5) (Tensors{h, w, c, mean, variance})[which].fill(4);
    backward(y);
  };
  for (int which = 0; which < 5; ++which)
    EXPECT_THAT([&] { overwritten(which); },
                ThrowsMessage<Error>(AllOf(HasSubstr("[backward]"), HasSubstr("'checkpoint'"),
                                           HasSubstr("overwritten in place"))))
        << which;
  overwritten(5);
}

TEST(Checkpoint, ASecondBackwardIsAnError) {
  const Tensor x = require_grad(vec({3}));
  const Tensor y = checkpoint([](Tensors in) { return mul(in[0], in[0]); }, {x});
  backward(y);
  EXPECT_THAT([&] { backward(y); },
              ThrowsMessage<Error>(AllOf(HasSubstr("'checkpoint'"), HasSubstr("already walked"))));
}

TEST(Checkpoint, ASegmentThatChangesIsNamed) {
  const Tensor x = require_grad(vec({3, 4}));
  int runs = 0;
  const Tensor y = checkpoint(
      [&](Tensors in) {
        return ++runs == 1 ? scale(in[0], 2) : reshape(in[0], {2, 1});
      },
      {x});
  EXPECT_THAT(
      [&] {
        backward(y, vec({1, 1}));
      },
      ThrowsMessage<Error>(HasSubstr("[checkpoint] result 0 is [2,1] of f64 when the "
                                     "segment runs again, before [2] of f64")));
  runs = 0;
  const Tensors z = checkpoint(
      [&](Tensors in) -> Tensors {
        if (++runs == 1) return {scale(in[0], 2)};
        return {};
      },
      {x});
  EXPECT_THAT(
      [&] {
        backward(z[0], vec({1, 1}));
      },
      ThrowsMessage<Error>(
          HasSubstr("[checkpoint] the segment gave 0 results when it ran again, before 1")));
}

TEST(Checkpoint, AValueThatLeavesByAnotherDoorIsAnError) {
  const Tensor x = require_grad(vec({3}));
  Tensor inner;
  const Tensor y = checkpoint(
      [&](Tensors in) {
        inner = scale(in[0], 2);
        return mul(inner, inner);
      },
      {x});
  EXPECT_THAT([&] { backward(add(y, inner)); },
              ThrowsMessage<Error>(HasSubstr("is not among the results")));
}

TEST(Checkpoint, DeepChainsAreWalkedAndFreedWithoutRecursion) {
  constexpr int deep = 100'000;
  const Tensor x = require_grad(vec({2}));
  const int64_t before = memory_stats().in_use;
  const auto chain = [&] {
    Tensor y = x;
    for (int i = 0; i < deep; ++i)
      y = checkpoint([i](Tensors in) { return scale(in[0], i % 2 ? 2 : 0.5); }, {y});
    return y;
  };
  Tensor y = chain();
  y = {};
  EXPECT_EQ(memory_stats().in_use, before);
  backward(chain());
  EXPECT_THAT(grad(x).to_doubles(), ElementsAre(1));
}

}  // namespace
}  // namespace pixelgrad

// What backwards keep of the values that they read: tensors, or recipes to compute them again.
#include "autograd/saved.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autograd/ops/arithmetic.h"
#include "autograd/ops/reduce.h"
#include "tensor/allocator.h"

namespace pixelgrad {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr int64_t many = 1 << 16, bytes_of_many = 8 * many;

Tensor values(double value, int64_t n = many) { return Tensor::full({n}, value, Dtype::f64); }

Tensor twice(const Tensor& x) {
  const NoGrad no_grad;
  return scale(x, 2);
}

/// y = 2 x, with a recipe; *computed counts how often that ran.
Tensor doubled(const Tensor& x, int* computed = nullptr) {
  const Tensor y =
      record("doubled", twice(x), {x}, [](const Tensor& dy) -> Grads { return {twice(dy)}; });
  set_recipe("doubled", y, {x}, [x = SavedTensor(x), computed] {
    if (computed) ++*computed;
    return twice(x.value());
  });
  return y;
}

int64_t in_use() { return memory_stats().in_use; }

/// The allocator rounds a block up by less than a quarter.
constexpr int64_t at_most(int64_t tensors) { return tensors * bytes_of_many * 5 / 4 + 4096; }

TEST(SavedTensor, HoldsTheTensorWhereThereIsNoRecipe) {
  EXPECT_FALSE(SavedTensor().defined());
  EXPECT_FALSE(SavedTensor(Tensor()).defined());
  EXPECT_FALSE(SavedTensor().value().defined());
  const Tensor x = require_grad(values(3, 2));
  const SavedTensor saved(x);
  EXPECT_TRUE(saved.defined());
  EXPECT_EQ(saved.value().storage(), x.storage());
  EXPECT_FALSE(needs_grad(saved.value()));
}

TEST(SavedTensor, AValueWithARecipeIsFreedAndComputedAgain) {
  int computed = 0;
  const Tensor x = require_grad(values(3)), w = require_grad(values(5));
  const int64_t before = in_use();
  const Tensor loss = sum(mul(doubled(x, &computed), w));
  EXPECT_LE(in_use() - before, 4096) << "neither the value nor the product is read";
  EXPECT_EQ(computed, 0);
  backward(loss);
  EXPECT_EQ(computed, 1);
  EXPECT_THAT(grad(w).to_doubles(), Each(6));
  EXPECT_THAT(grad(x).to_doubles(), Each(10));
  EXPECT_LE(in_use() - before, at_most(2)) << "the two gradients";
}

TEST(SavedTensor, AValueThatSomebodyHoldsIsNotComputedAgain) {
  int computed = 0;
  const Tensor x = require_grad(values(3)), w = require_grad(values(5));
  const Tensor y = doubled(x, &computed);
  const SavedTensor saved(y);
  EXPECT_EQ(saved.value().storage(), y.storage());
  backward(sum(mul(y, w)));
  EXPECT_EQ(computed, 0);
  EXPECT_THAT(grad(w).to_doubles(), Each(6));
}

TEST(SavedTensor, ReadersShareOneComputationWhileOneOfThemLives) {
  int computed = 0;
  const Tensor x = require_grad(values(3));
  const Tensor square = [&] {
    const Tensor y = doubled(x, &computed);
    return mul(y, y);
  }();
  backward(sum(square));
  EXPECT_EQ(computed, 1);
  EXPECT_THAT(grad(x).to_doubles(), Each(2 * 6 * 2));

  SavedTensor first, second;
  {
    const Tensor y = doubled(x, &computed);
    first = second = SavedTensor(y);
  }
  computed = 0;
  {
    const Tensor one = first.value(), other = second.value();
    EXPECT_EQ(one.storage(), other.storage());
    EXPECT_EQ(computed, 1);
  }
  EXPECT_THAT(first.value().to_doubles(), Each(6));
  EXPECT_EQ(computed, 2) << "nobody held it";
}

TEST(SavedTensor, ReadsWhatWasThereWhenItWasSaved) {
  const Tensor x = require_grad(values(3, 2));
  Tensor y = doubled(x);
  const SavedTensor before(y);
  y.fill(7);
  const SavedTensor after(y);
  EXPECT_THAT(before.value().to_doubles(), ElementsAre(6, 6));
  EXPECT_THAT(after.value().to_doubles(), ElementsAre(7, 7));
}

TEST(SavedTensor, InPlaceEditsOfWhatARecipeReadsAreFound) {
  Tensor x = require_grad(values(3));
  const Tensor w = require_grad(values(5));
  const Tensor loss = sum(mul(doubled(x), w));
  x.fill(4);
  EXPECT_THAT([&] { backward(loss); },
              ThrowsMessage<Error>(AllOf(HasSubstr("[backward] the output of 'doubled'"),
                                         HasSubstr("overwritten in place"))));
  EXPECT_FALSE(grad(w).defined()) << "found before a wrong gradient was handed on";
}

TEST(SavedTensor, InPlaceEditsOfAValueWithARecipeAreFound) {
  const Tensor x = require_grad(values(3)), w = require_grad(values(5));
  Tensor y = doubled(x);
  const Tensor loss = sum(mul(y, w));
  y.fill(4);
  EXPECT_THAT([&] { backward(loss); },
              ThrowsMessage<Error>(AllOf(HasSubstr("'mul'"), HasSubstr("overwritten in place"))));
}

TEST(SavedTensor, WithoutGradientsNothingIsKept) {
  const Tensor x = require_grad(values(3)), constant = values(3);
  const int64_t before = in_use();
  {
    const NoGrad no_grad;
    const Tensor y = doubled(x);
    EXPECT_LE(in_use() - before, at_most(1));
    const SavedTensor saved(y);
    EXPECT_EQ(saved.value().storage(), y.storage());
  }
  const Tensor w = require_grad(values(5));
  const int64_t with_w = in_use();
  const Tensor product = mul(doubled(constant), w);
  EXPECT_LE(in_use() - with_w, at_most(2)) << "what needs no gradient has no recipe either";
  backward(sum(product));
  EXPECT_THAT(grad(w).to_doubles(), Each(6));
}

TEST(SavedTensor, ABackwardFreesTheRecipeThoughTheValueIsHeld) {
  const int64_t before = in_use();
  Tensor y;
  {
    const Tensor x = require_grad(values(3));
    y = doubled(x);
    backward(y, values(1));
  }
  EXPECT_LE(in_use() - before, at_most(1));
}

// Were every value of a chain computed from the one before it, the last would cost them all.
TEST(SavedTensor, AChainOfRecipesIsKeptAtEveryThirdValue) {
  int computed = 0;
  const Tensor x = require_grad(values(1)), w = require_grad(values(1));
  const int64_t before = in_use();
  Tensor total, y = x;
  for (int i = 0; i < 6; ++i) {
    y = doubled(y, &computed);
    const Tensor term = sum(mul(y, w));
    total = total ? add(total, term) : term;
  }
  y = {};
  EXPECT_GE(in_use() - before, 2 * bytes_of_many);
  EXPECT_LE(in_use() - before, at_most(2));
  backward(total);
  EXPECT_EQ(computed, 2 + 1 + 2 + 1);  // by their distance from a tensor; of the kept ones none
  EXPECT_THAT(grad(w).to_doubles(), Each(2 + 4 + 8 + 16 + 32 + 64));
  EXPECT_THAT(grad(x).to_doubles(), Each(2 + 4 + 8 + 16 + 32 + 64));
}

TEST(SavedTensor, AGraphThatIsNeverWalkedIsFreed) {
  const Tensor x = require_grad(values(1)), w = require_grad(values(1));
  const int64_t before = in_use();
  { const Tensor unused = mul(doubled(doubled(x)), w); }
  EXPECT_EQ(in_use(), before);
}

// A recipe may hold handles of tensors with their nodes; the graph must still be freed without
// recursion.
TEST(SavedTensor, DeepChainsOfRecipesAreFreedWithoutRecursion) {
  Tensor y = require_grad(values(1, 1));
  for (int i = 0; i < 300'000; ++i) {
    const Tensor x = y;
    y = record("same", x.clone(), {x}, [](const Tensor& dy) -> Grads { return {dy}; });
    set_recipe("same", y, {}, [x] { return x.clone(); });
  }
  y = {};
}

TEST(SavedTensor, AWrongRecipeIsNamed) {
  const Tensor x = require_grad(values(1, 3)), w = require_grad(values(1, 3));
  const Tensor loss = [&] {
    const Tensor y =
        record("cubed", values(1, 3), {x}, [](const Tensor& dy) -> Grads { return {dy}; });
    set_recipe("cubed", y, {x}, [] { return values(1, 2); });
    return sum(mul(y, w));
  }();
  EXPECT_THAT([&] { backward(loss); },
              ThrowsMessage<Error>(
                  HasSubstr("[cubed] the recipe gave a value [2] of f64, expected [3] of f64")));
}

}  // namespace
}  // namespace pixelgrad

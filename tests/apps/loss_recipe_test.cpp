// The words of --loss.
#include "apps/engine/loss_recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/region_loss.h"

namespace pixelgrad {
namespace {

using ::testing::HasSubstr;

std::string refusal(const std::string& text) {
  try {
    parse_loss(text);
  } catch (const UsageError& e) {
    return e.what();
  }
  return "accepted";
}

TEST(LossRecipe, ReadsSums) {
  const auto one = parse_loss("lovasz");
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].name, "lovasz");
  EXPECT_EQ(one[0].weight, 1);
  const auto three = parse_loss("cross_entropy+0.5*dice+2*focal");
  ASSERT_EQ(three.size(), 3u);
  EXPECT_EQ(three[0].name, "cross_entropy");
  EXPECT_EQ(three[1].name, "dice");
  EXPECT_EQ(three[1].weight, 0.5);
  EXPECT_EQ(three[2].weight, 2);
  for (const std::string& name : loss_names()) EXPECT_EQ(parse_loss(name)[0].name, name);
}

TEST(LossRecipe, RefusesOtherWords) {
  EXPECT_EQ(refusal("dyce"),
            "[train] unknown loss 'dyce', expected cross_entropy, focal, ohem, dice, jaccard, "
            "tversky, lovasz or a sum such as cross_entropy+0.5*dice");
  for (const char* text : {"", "dice+", "+dice", "dice++focal", "0.5*", "dice+Dice"})
    EXPECT_THAT(refusal(text), HasSubstr("unknown loss")) << text;
  for (const char* text : {"*dice", "x*dice", "-1*dice", "0*dice", "inf*dice", "1 *dice"})
    EXPECT_THAT(refusal(text), HasSubstr("expected a positive number")) << text;
}

TEST(LossRecipe, AddsUpWithTheCommonOptions) {
  const Tensor z = Tensor::from<double>({4, 3}, {2, 1, .1, .5, 2.5, .3, 1, 1, 1, 3, 0, 0});
  const Tensor labels = Tensor::from<int32_t>({4}, {0, 1, 7, 2});
  const Tensor weights = Tensor::from<double>({3}, {1, 2, .5});
  const LossOptions options{.ignore_index = 7, .class_weights = weights, .label_smoothing = .1};
  const double expected =
      cross_entropy(z, labels, {.ignore_index = 7, .class_weights = weights, .label_smoothing = .1})
          .item() +
      0.5 * dice_loss(z, labels, {.ignore_index = 7, .class_weights = weights}).item();
  const LabelLoss loss = make_label_loss(parse_loss("cross_entropy+0.5*dice"), options);
  EXPECT_NEAR(loss(z, labels).item(), expected, 1e-12);
  EXPECT_THROW(make_label_loss(parse_loss("dice"), options), UsageError);
}

// One pixel of class 1: logits 0, 0 cost ln 2, auxiliary logits 0, ln 3 cost ln 4/3.
TEST(LossRecipe, AnAuxiliaryHeadCountsWithItsWeight) {
  const LabelLoss loss = make_label_loss(parse_loss("cross_entropy"), {});
  const Tensor labels = Tensor::from<int32_t>({1, 1, 1}, {1});
  const Tensor logits = Tensor::from<double>({1, 1, 1, 2}, {0, 0});
  const Tensor aux = require_grad(Tensor::from<double>({1, 1, 1, 2}, {0, std::log(3.0)}));
  const Tensor both = output_loss({.logits = logits, .aux = aux, .aux_weight = 0.4}, labels, loss);
  EXPECT_NEAR(both.item(), std::log(2.0) + 0.4 * std::log(4.0 / 3), 1e-15);
  backward(both);
  EXPECT_NEAR(grad(aux).to_doubles()[0], 0.4 * 0.25, 1e-15);  // p = 1/4, 3/4
  EXPECT_NEAR(grad(aux).to_doubles()[1], -0.4 * 0.25, 1e-15);
  EXPECT_NEAR(output_loss({.logits = logits, .aux_weight = 0.4}, labels, loss).item(),
              std::log(2.0), 1e-15);
}

}  // namespace
}  // namespace pixelgrad

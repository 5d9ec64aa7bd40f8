// The baseline against sums written out by hand, and against what it must not see.
#include <gtest/gtest.h>

#include "models/registry.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

TEST(Conv1x1, LogitsAreAWeightedSumOfThePixelsOwnColour) {
  const NoGrad no_grad;
  const auto model = make_model({.name = "conv1x1", .in_channels = 3, .classes = 2});
  EXPECT_EQ(model->parameter_count(), (3 + 1) * 2);
  const std::vector<NamedTensor> parameters = model->parameters();
  Tensor(parameters.at(0).tensor)
      .copy_from(Tensor::from({2, 1, 1, 3}, std::vector<float>{1, 2, 3, -1, 0, 4}));
  Tensor(parameters.at(1).tensor).copy_from(Tensor::from({2}, std::vector<float>{10, 20}));
  const Tensor image = Tensor::from({1, 1, 2, 3}, std::vector<float>{1, 1, 1, 0, 2, -1});
  EXPECT_EQ((*model)(image).logits.to_doubles(), (std::vector<double>{16, 23, 11, 16}));
}

TEST(Conv1x1, APixelSeesNoOther) {
  const NoGrad no_grad;
  const auto model = make_model({.name = "conv1x1", .in_channels = 3, .classes = 4});
  Tensor image = Tensor::empty({1, 5, 7, 3}, Dtype::f32);
  fill_normal(image, {.seed = 3}, 0, 1);
  const std::vector<double> before = (*model)(image).logits.to_doubles();
  image.mutable_data<float>()[(2 * 7 + 4) * 3 + 1] += 1;
  const std::vector<double> after = (*model)(image).logits.to_doubles();
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_EQ(before[i] != after[i], i / 4 == 2 * 7 + 4) << i;
}

}  // namespace
}  // namespace pixelgrad

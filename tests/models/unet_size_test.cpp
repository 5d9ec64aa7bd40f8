#include <gtest/gtest.h>

#include <string>

#include "models/registry.h"

namespace pixelgrad {
namespace {

struct Count {
  int64_t in_channels, classes;
  OptionMap options;
  int64_t parameters;
};

class UNetSize : public testing::TestWithParam<Count> {};

TEST_P(UNetSize, HasThePublishedNumberOfParameters) {
  const auto& [in_channels, classes, options, parameters] = GetParam();
  const auto model = make_model(
      {.name = "unet", .in_channels = in_channels, .classes = classes, .options = options});
  EXPECT_EQ(model->parameter_count(), parameters);
}

// The paper's network: biases, no batch norm. Padding does not change the count.
INSTANTIATE_TEST_SUITE_P(Paper, UNetSize,
                         testing::Values(Count{1, 2, {{"padding", "valid"}}, 31'030'658},
                                         Count{3, 2, {{"padding", "valid"}}, 31'031'810},
                                         Count{3, 19, {{"padding", "valid"}}, 31'032'915},
                                         Count{3, 30, {{"norm", "none"}}, 31'033'630},
                                         Count{3, 34, {{"norm", "none"}}, 31'033'890}));

INSTANTIATE_TEST_SUITE_P(
    Narrow, UNetSize,
    testing::Values(Count{3, 30, {{"norm", "none"}, {"width", "8"}}, 486'078},
                    Count{3, 30, {{"norm", "none"}, {"width", "16"}}, 1'941'598},
                    Count{3, 30, {{"norm", "none"}, {"width", "32"}}, 7'761'054}));

// The PyTorch re-implementation in common use: batch norm instead of biases.
INSTANTIATE_TEST_SUITE_P(BatchNorm, UNetSize,
                         testing::Values(Count{3, 1, {}, 31'037'633}, Count{3, 2, {}, 31'037'698},
                                         Count{3, 19, {}, 31'038'803},
                                         Count{3, 2, {{"decoder", "bilinear"}}, 17'263'042}));

}  // namespace
}  // namespace pixelgrad

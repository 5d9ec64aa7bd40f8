#pragma once
#include <gtest/gtest.h>

#include "autograd/gradcheck.h"

/// For GoogleTest: EXPECT_GRADCHECK(fn, inputs) or EXPECT_GRADCHECK(fn, inputs, options) fails with
/// the table of gradcheck() when the backward of `fn` is wrong.
///
///     TEST(MyOp, HasTheRightGradient) {
///       EXPECT_GRADCHECK([](const auto& in) { return my_op(in[0]); },
///                        std::vector<pixelgrad::Tensor>{x});
///     }
#define EXPECT_GRADCHECK(...) EXPECT_TRUE(::pixelgrad::testing::gradcheck_result(__VA_ARGS__))
#define ASSERT_GRADCHECK(...) ASSERT_TRUE(::pixelgrad::testing::gradcheck_result(__VA_ARGS__))

namespace pixelgrad::testing {

inline ::testing::AssertionResult gradcheck_result(const DifferentiableFn& fn,
                                                   const std::vector<Tensor>& inputs,
                                                   const GradcheckOptions& options = {}) {
  const GradcheckReport report = gradcheck(fn, inputs, options);
  return (report.passed ? ::testing::AssertionSuccess() : ::testing::AssertionFailure())
         << report.to_table();
}

}  // namespace pixelgrad::testing

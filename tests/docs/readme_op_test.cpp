// The op that README.md shows, held against differences.

#include <gtest/gtest.h>

#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "tensor/random.h"

using namespace pixelgrad;
#include "tests/docs/readme_op.h"

namespace {

TEST(Readme, TheOpsBackwardIsRight) {
  Tensor x = Tensor::empty({3, 5}, Dtype::f64);
  fill_normal(x, {.seed = 1}, 0, 1);
  EXPECT_DOUBLE_EQ(square(Tensor::from({1}, {3.0})).item(), 9);
  const GradcheckReport report =
      gradcheck([](const std::vector<Tensor>& in) { return square(in[0]); }, {x});
  EXPECT_TRUE(report.passed) << report.to_table();
}

}  // namespace

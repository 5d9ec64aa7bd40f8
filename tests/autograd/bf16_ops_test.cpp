// The op table with activations stored as bf16: the ops that networks are made of compute as f64
// does from the rounded numbers, and all others refuse in one line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "autograd/graph.h"
#include "autograd/ops/batch_norm.h"
#include "autograd/ops/cast.h"
#include "autograd/ops/concat.h"
#include "autograd/ops/conv2d.h"
#include "tensor/parallel.h"
#include "tests/support/bf16_ops.h"

namespace pixelgrad {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const OpCase& op : op_cases()) all.push_back(op.name);
  return all;
}

class Bf16Ops : public ::testing::TestWithParam<std::string> {
 protected:
  static const OpCase& op() {
    for (const OpCase& op : op_cases())
      if (op.name == GetParam()) return op;
    throw Error("no such case: " + GetParam());
  }
};

TEST_P(Bf16Ops, AgreeWithDoubleOrRefuse) {
  if (testing::bf16_ops().contains(op().name))
    return testing::expect_bf16_agreement(op(), Device::cpu);
  std::vector<Tensor> inputs;
  for (const Tensor& x : op().samples.at(0).inputs(0)) inputs.push_back(x.to(Dtype::bf16));
  try {
    op().samples[0].call(inputs);
    FAIL() << "took bf16";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("bf16"));
    EXPECT_THAT(e.what(), Not(HasSubstr("\n")));
  }
}

class OpsThatTakeBf16 : public Bf16Ops {};

TEST_P(OpsThatTakeBf16, SameBitsForAnyNumberOfThreads) {
  const int before = num_threads();
  for (const OpSample& sample : op().samples) {
    set_num_threads(1);
    const auto expected = testing::bf16_value_and_gradients(op(), sample, Device::cpu);
    for (const int threads : {2, 4}) {
      set_num_threads(threads);
      const auto got = testing::bf16_value_and_gradients(op(), sample, Device::cpu);
      for (size_t i = 0; i < got.size(); ++i)
        EXPECT_EQ(std::memcmp(got[i].raw(), expected[i].raw(), got[i].bytes()), 0)
            << sample.name << ", " << threads << " threads, result " << i;
    }
  }
  set_num_threads(before);
}

INSTANTIATE_TEST_SUITE_P(Table, Bf16Ops, ::testing::ValuesIn(names()),
                         [](const auto& info) { return info.param; });
INSTANTIATE_TEST_SUITE_P(Table, OpsThatTakeBf16, ::testing::ValuesIn(testing::bf16_ops()),
                         [](const auto& info) { return info.param; });

std::string message(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Bf16Errors, ParametersBesideBf16MustBeSingle) {
  const Tensor x = Tensor::zeros({1, 4, 4, 3}, Dtype::bf16);
  const Tensor single = Tensor::zeros({2, 3, 3, 3}, Dtype::f32);
  EXPECT_EQ(message([&] { conv2d(x, single.to(Dtype::bf16)); }),
            "[conv2d] weight is bf16, input is bf16, expected a weight of f32 (input [1,4,4,3], "
            "weight [2,3,3,3])");
  EXPECT_THAT(message([&] { conv2d(x, single, Tensor::zeros({2}, Dtype::f64)); }),
              HasSubstr("bias is f64, input is bf16, expected a bias of f32"));
  EXPECT_EQ(message([&] { conv2d(x.to(Dtype::f32), single.to(Dtype::bf16)); }),
            "[conv2d] weight is bf16, input is f32 (input [1,4,4,3], weight [2,3,3,3])");
  EXPECT_EQ(message([&] { batch_norm(x, Tensor::zeros({3}, Dtype::bf16), {}, {}, {}, {}); }),
            "[batch_norm] gamma is [3] of bf16 on cpu, expected [3] of f32 on cpu (input [1,4,4,3] "
            "of bf16)");
  EXPECT_THAT(message([&] { concat({x, x.to(Dtype::f32)}); }), HasSubstr("expected one dtype"));
  EXPECT_THAT(message([&] { require_grad(x); }), HasSubstr("got bf16"));
}

// What a rounding loses is not handed to the gradient: the master's gradient is f32, unrounded
// beyond what dy was.
TEST(Bf16Cast, GradientsComeBackInTheTypeOfTheInput) {
  const Tensor x = require_grad(Tensor::from<float>({3}, {1.0f, 1.00390625f, -3.1415927f}));
  const Tensor y = cast(x, Dtype::bf16);
  EXPECT_EQ(y.to_doubles(), (std::vector<double>{1, 1, -3.140625}));
  backward(y, Tensor::from<float>({3}, {0.5f, -2.0f, 3.1415927f}).to(Dtype::bf16));
  EXPECT_EQ(grad(x).dtype(), Dtype::f32);
  EXPECT_EQ(grad(x).to_doubles(), (std::vector<double>{0.5, -2, 3.140625}));
}

// Five hundred images are converted in several lots, whose weight gradients are added up.
TEST(Bf16Conv2d, ManyImages) {
  const int64_t n = 300;
  std::vector<double> ones(static_cast<size_t>(n * 32 * 32 * 2), 1);
  const Tensor x = Tensor::from<double>({n, 32, 32, 2}, ones).to(Dtype::bf16);
  const Tensor w = require_grad(Tensor::full({3, 1, 1, 2}, 0.5, Dtype::f32));
  const Tensor y = conv2d(x, w);
  for (const double v : y.to_doubles()) ASSERT_EQ(v, 1);
  backward(y, Tensor::full(y.shape(), 1, Dtype::bf16));
  for (const double v : grad(w).to_doubles()) EXPECT_EQ(v, n * 32 * 32);
}

}  // namespace
}  // namespace pixelgrad

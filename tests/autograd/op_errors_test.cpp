// Bad arguments explain themselves: each message names the op, what was got and what was expected.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autograd/graph.h"
#include "autograd/ops.h"

namespace pixelgrad {
namespace {

using ::testing::HasSubstr;

Tensor zeros(Shape shape, Dtype dtype = Dtype::f32) {
  return Tensor::zeros(std::move(shape), dtype);
}

struct BadCall {
  const char* message;
  std::function<void()> call;
};

class BadArguments : public testing::TestWithParam<BadCall> {};

TEST_P(BadArguments, AreNamed) {
  try {
    GetParam().call();
    FAIL() << "expected: " << GetParam().message;
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr(GetParam().message));
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
  }
}

const std::vector<BadCall> bad_calls = {
    {"[relu] input is undefined", [] { relu({}); }},
    {"[relu] input holds i32, expected f32, f64 or bf16", [] { relu(zeros({2}, Dtype::i32)); }},
    {"[leaky_relu] input holds u8, expected f32, f64 or bf16",
     [] { leaky_relu(zeros({2}, Dtype::u8)); }},
    {"[leaky_relu] slope is -0.1, expected at least 0", [] { leaky_relu(zeros({2}), -0.1); }},
    {"[sigmoid] input is undefined", [] { sigmoid({}); }},
    {"[sigmoid] input holds i64, expected f32 or f64", [] { sigmoid(zeros({2}, Dtype::i64)); }},

    {"[add] operands are [2,3] and [3,2], expected equal sizes, or 1, from the last dimension on",
     [] {
       add(zeros({2, 3}), zeros({3, 2}));
     }},
    {"[add] left operand holds f32 and right operand f64, expected one dtype",
     [] { zeros({2}) + zeros({2}, Dtype::f64); }},
    {"[mul] operands are [4,3] and [4,1,2], expected equal sizes, or 1",
     [] {
       zeros({4, 3}) * zeros({4, 1, 2});
     }},
    {"[mul] right operand is undefined", [] { mul(zeros({4}), {}); }},
    {"[scale] input is undefined", [] { scale({}, 2); }},
    {"[scale] input holds i32, expected f32 or f64", [] { scale(zeros({2}, Dtype::i32), 2); }},

    {"[batch_norm] gamma is [4], expected [3] (input [2,5,3])",
     [] {
       batch_norm(zeros({2, 5, 3}), zeros({4}), {}, {}, {});
     }},
    {"[batch_norm] input holds f32 and running_mean f64, expected one dtype",
     [] {
       batch_norm(zeros({2, 3}), {}, {}, zeros({3}, Dtype::f64), zeros({3}, Dtype::f64));
     }},
    {"[batch_norm] evaluation needs running_mean and running_variance",
     [] {
       batch_norm(zeros({2, 3}), {}, {}, {}, {}, {.training = false});
     }},
    {"[batch_norm] expected both of running_mean and running_variance or neither",
     [] {
       batch_norm(zeros({2, 3}), {}, {}, zeros({3}), {});
     }},
    {"[batch_norm] input is [0,3], expected channels last and at least one value",
     [] {
       batch_norm(zeros({0, 3}), {}, {}, {}, {});
     }},
    {"[batch_norm] eps is -1, expected at least 0",
     [] {
       batch_norm(zeros({2, 3}), {}, {}, {}, {}, {.eps = -1});
     }},

    {"[max_pool2d] input is [4,4,1], expected [N,H,W,C]",
     [] {
       max_pool2d(zeros({4, 4, 1}));
     }},
    {"[max_pool2d] padding is 2, expected 0 to kernel_size / 2 = 1",
     [] {
       max_pool2d(zeros({1, 4, 4, 1}), {.kernel_size = 2, .padding = 2});
     }},
    {"[max_pool2d] kernel_size 2, stride 2, dilation 0, expected at least 1, 0 and 1",
     [] {
       max_pool2d(zeros({1, 4, 4, 1}), {.stride = 2, .dilation = 0});
     }},
    {"[max_pool2d] input [1,4,4,1] with padding 0 is smaller than the window of 5",
     [] {
       max_pool2d(zeros({1, 4, 4, 1}), {.kernel_size = 3, .dilation = 2});
     }},
    {"[avg_pool2d] input [1,1,4,1] with padding 0 is smaller than the window of 2",
     [] {
       avg_pool2d(zeros({1, 1, 4, 1}));
     }},
    {"[avg_pool2d] padding is -1, expected 0 to kernel_size / 2 = 1",
     [] {
       avg_pool2d(zeros({1, 4, 4, 1}), {.padding = -1});
     }},

    {"[upsample] from [1,2,2,1] to 0 x 4, expected sizes of at least 1",
     [] {
       upsample(zeros({1, 2, 2, 1}), 0, 4);
     }},
    {"[upsample] align_corners is set, but the mode is nearest, expected bilinear or bicubic",
     [] {
       upsample(zeros({1, 2, 2, 1}), 4, 4, {.align_corners = true});
     }},
    {"[upsample_scale] input is [2,2], expected [N,H,W,C]",
     [] {
       upsample_scale(zeros({2, 2}));
     }},
    {"[upsample_scale] factor is 0, expected at least 1",
     [] {
       upsample_scale(zeros({1, 2, 2, 1}), 0);
     }},

    {"[concat] got no tensors, expected at least one", [] { concat({}); }},
    {"[concat] input 1 is [2,4,3], expected [2,5,3] up to the size of axis 2",
     [] {
       concat({zeros({2, 5, 3}), zeros({2, 4, 3})});
     }},
    {"[concat] the first input holds f32 and another f64, expected one dtype",
     [] {
       concat({zeros({2}), zeros({2}, Dtype::f64)});
     }},

    {"[dropout] p is 1.5, expected 0 to 1", [] { dropout(zeros({2}), 1.5, true, {}); }},
    {"[dropout] input holds i32, expected f32, f64 or bf16",
     [] { dropout(zeros({2}, Dtype::i32), 0.5, true, {}); }},

    {"[log_softmax] input is [], expected classes in the last dimension",
     [] { log_softmax(zeros({})); }},
    {"[log_softmax] input is undefined", [] { log_softmax({}); }},
    {"[softmax] input is [3,0], expected classes in the last dimension",
     [] {
       softmax(zeros({3, 0}));
     }},
    {"[softmax] input holds u8, expected f32 or f64", [] { softmax(zeros({3}, Dtype::u8)); }},

    {"[cross_entropy] labels hold i64, expected i32",
     [] {
       cross_entropy(zeros({2, 3}), zeros({2}, Dtype::i64));
     }},
    {"[cross_entropy] labels are [2,4], expected [2,4,4] (logits [2,4,4,3])",
     [] {
       cross_entropy(zeros({2, 4, 4, 3}), zeros({2, 4}, Dtype::i32));
     }},
    {"[cross_entropy] class_weights are [2], expected [3] (logits [2,3])",
     [] {
       cross_entropy(zeros({2, 3}), zeros({2}, Dtype::i32), {.class_weights = zeros({2})});
     }},
    {"[cross_entropy] label_smoothing is 2, expected 0 to 1",
     [] {
       cross_entropy(zeros({2, 3}), zeros({2}, Dtype::i32), {.label_smoothing = 2});
     }},

    {"[mse] input is [2] and target [3], expected one shape", [] { mse(zeros({2}), zeros({3})); }},
    {"[mse] target is undefined", [] { mse(zeros({2}), {}); }},
    {"[mse] input [0] is empty", [] { mse(zeros({0}), zeros({0})); }},

    {"[sum] input is undefined", [] { sum({}); }},
    {"[sum] input holds i32, expected f32 or f64", [] { sum(zeros({2}, Dtype::i32)); }},
    {"[mean] input [0,4] is empty",
     [] {
       mean(zeros({0, 4}));
     }},
    {"[mean] input is undefined", [] { mean({}); }},

    {"[reshape] a tensor [2,3] of 6 elements cannot take the shape [4,2]",
     [] {
       reshape(zeros({2, 3}), {4, 2});
     }},
    {"[shape] negative size in [-1,6]",
     [] {
       reshape(zeros({2, 3}), {-1, 6});
     }},
    {"[crop2d] window of 3 x 2 at (2, 0) does not lie inside the input [1,4,4,1]",
     [] {
       crop2d(zeros({1, 4, 4, 1}), 2, 0, 3, 2);
     }},
    {"[crop2d] input is [4,4], expected [N,H,W,C]",
     [] {
       crop2d(zeros({4, 4}), 0, 0, 1, 1);
     }},
    {"[crop2d] window of 6 x 2 at (-1, 1) does not lie inside the input [1,4,4,1]",
     [] {
       center_crop2d(zeros({1, 4, 4, 1}), 6, 2);
     }},
};

INSTANTIATE_TEST_SUITE_P(All, BadArguments, testing::ValuesIn(bad_calls), [](const auto& info) {
  std::string name = std::to_string(info.index) + "_";
  for (const char* c = info.param.message + 1; *c != ']'; ++c) name += *c;
  return name;
});

// A label out of range names the pixel: one such pixel would poison a training run.
TEST(CrossEntropyLabels, OutOfRangeAreNamed) {
  Tensor labels = Tensor::full({2, 3, 4}, 255, Dtype::i32);
  labels.mutable_data<int32_t>()[12 + 4 + 3] = 5;
  const Tensor logits = zeros({2, 3, 4, 5});
  try {
    cross_entropy(logits, labels);
    FAIL();
  } catch (const DataError& e) {
    EXPECT_STREQ(e.what(),
                 "[cross_entropy] label 5 at [1,1,3] of labels [2,3,4], expected 0 to 4 or "
                 "ignore_index 255");
  }
  labels.mutable_data<int32_t>()[2] = -1;
  EXPECT_THROW(cross_entropy(logits, labels, {.ignore_index = 5}), DataError);
}

// The first bad label of many tiles is named, whichever thread finds one first.
TEST(CrossEntropyLabels, TheFirstOfManyIsNamed) {
  const int64_t n = 1 << 18;
  Tensor labels = Tensor::zeros({n}, Dtype::i32);
  for (int64_t i = 70000; i < n; i += 1000) labels.mutable_data<int32_t>()[i] = 9;
  try {
    cross_entropy(zeros({n, 2}), labels);
    FAIL();
  } catch (const DataError& e) {
    EXPECT_THAT(e.what(), HasSubstr("label 9 at [70000]"));
  }
}

}  // namespace
}  // namespace pixelgrad

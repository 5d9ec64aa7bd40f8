// conv2d and conv_transpose2d: sizes, values against naive loops, gradients against differences,
// what the graph keeps, and error messages.
#include "autograd/ops/conv2d.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "autograd/graph.h"
#include "autograd/ops/conv_transpose2d.h"
#include "tensor/random.h"
#include "tests/reference/naive_conv2d.h"

namespace pixelgrad {
namespace {

using testing::HasSubstr;

Tensor normal(const Shape& shape, uint64_t seed, Dtype dtype = Dtype::f64) {
  Tensor x = Tensor::empty(shape, dtype);
  fill_normal(x, {.seed = seed}, 0, 1);
  return x;
}

double dot(const Tensor& a, const Tensor& b) {
  const std::vector<double> va = a.to_doubles(), vb = b.to_doubles();
  return std::inner_product(va.begin(), va.end(), vb.begin(), 0.0);
}

void expect_near(const std::vector<double>& actual, const std::vector<double>& expected,
                 double tolerance, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (size_t i = 0; i < actual.size(); ++i)
    ASSERT_NEAR(actual[i], expected[i], tolerance) << what << " at " << i;
}

struct Sizes {
  Shape x, weight;
  Conv2dSpec spec;
};

reference::NaiveConv2d naive(const Sizes& s) {
  return {.n = s.x[0],
          .in_h = s.x[1],
          .in_w = s.x[2],
          .in_channels = s.x[3],
          .out_channels = s.weight[0],
          .kernel_h = s.weight[1],
          .kernel_w = s.weight[2],
          .stride_h = s.spec.stride,
          .stride_w = s.spec.stride,
          .pad_top = s.spec.padding.pixels(),
          .pad_left = s.spec.padding.pixels(),
          .pad_bottom = s.spec.padding.pixels(),
          .pad_right = s.spec.padding.pixels(),
          .dilation_h = s.spec.dilation,
          .dilation_w = s.spec.dilation,
          .groups = s.spec.groups};
}

const std::vector<Sizes> sizes = {
    {{2, 6, 7, 3}, {4, 3, 3, 3}, {.padding = 1}},
    {{1, 8, 9, 4}, {6, 3, 3, 2}, {.stride = 2, .padding = 1, .groups = 2}},
    {{2, 7, 7, 3}, {3, 3, 3, 1}, {.padding = 2, .dilation = 2, .groups = 3}},
    {{1, 10, 6, 2}, {3, 5, 1, 2}, {.stride = 3, .padding = 2}},
    {{2, 5, 5, 9}, {4, 1, 1, 9}, {}},
};

TEST(Conv2d, ValuesAndGradientsEqualNaiveLoops) {
  for (const Sizes& s : sizes) {
    const reference::NaiveConv2d c = naive(s);
    const Tensor x = require_grad(normal(s.x, 1)), w = require_grad(normal(s.weight, 2));
    const Tensor bias = require_grad(normal({c.out_channels}, 3));
    const Tensor y = conv2d(x, w, bias, s.spec);
    ASSERT_EQ(y.shape(), (Shape{c.n, c.out_h(), c.out_w(), c.out_channels}));
    const auto vx = x.to_doubles(), vw = w.to_doubles();
    expect_near(y.to_doubles(), reference::naive_forward(c, vx, vw, bias.to_doubles()), 1e-12, "y");

    const Tensor dy = normal(y.shape(), 4);
    backward(y, dy);
    const auto vdy = dy.to_doubles();
    expect_near(grad(x).to_doubles(), reference::naive_backward_input(c, vdy, vw), 1e-12, "dx");
    expect_near(grad(w).to_doubles(), reference::naive_backward_weight(c, vx, vdy), 1e-12, "dw");
    std::vector<double> db(c.out_channels, 0);
    for (size_t i = 0; i < vdy.size(); ++i) db[i % db.size()] += vdy[i];
    expect_near(grad(bias).to_doubles(), db, 1e-12, "db");
  }
}

// [2,5] convolved with [3,7] by hand: correlation, not flipped convolution.
TEST(Conv2d, CorrelatesAsFrameworksDo) {
  const Tensor x = Tensor::from({1, 1, 3, 1}, {2.0, 5.0, 11.0});
  const Tensor w = Tensor::from({1, 1, 2, 1}, {3.0, 7.0});
  EXPECT_THAT(conv2d(x, w).to_doubles(), testing::ElementsAre(2 * 3 + 5 * 7, 5 * 3 + 11 * 7));
  EXPECT_THAT(conv_transpose2d(x, w).to_doubles(),
              testing::ElementsAre(2 * 3, 2 * 7 + 5 * 3, 5 * 7 + 11 * 3, 11 * 7));
}

TEST(ConvTranspose2d, SizesFollowTheFormula) {
  // (n - 1) stride - 2 padding + dilation (k - 1) + output_padding + 1, by hand.
  const Tensor x = normal({1, 5, 4, 2}, 1);
  EXPECT_EQ(conv_transpose2d(x, normal({2, 2, 2, 3}, 2), {}, {.stride = 2}).shape(),
            (Shape{1, 10, 8, 3}));
  EXPECT_EQ(conv_transpose2d(x, normal({2, 3, 3, 3}, 2), {},
                             {.stride = 2, .padding = 1, .output_padding = 1})
                .shape(),
            (Shape{1, 10, 8, 3}));
  EXPECT_EQ(conv_transpose2d(x, normal({2, 3, 3, 3}, 2), {}, {.padding = 1, .dilation = 2}).shape(),
            (Shape{1, 7, 6, 3}));
}

struct TransposeSizes {
  Shape x, weight;
  ConvTranspose2dSpec spec;
};

const std::vector<TransposeSizes> transpose_sizes = {
    {{2, 4, 5, 6}, {6, 2, 2, 3}, {.stride = 2}},
    {{1, 3, 4, 2}, {2, 3, 3, 5}, {.stride = 2, .padding = 1, .output_padding = 1}},
    {{1, 4, 4, 4}, {4, 3, 3, 2}, {.padding = 1, .dilation = 2, .groups = 2}},
    {{2, 3, 3, 3}, {3, 3, 3, 1}, {.stride = 3, .output_padding = 2, .groups = 3}},
};

TEST(ConvTranspose2d, ValuesAndGradientsEqualNaiveLoops) {
  for (const TransposeSizes& s : transpose_sizes) {
    const Tensor x = require_grad(normal(s.x, 1)), w = require_grad(normal(s.weight, 2));
    const Tensor bias = require_grad(normal({s.weight[3] * s.spec.groups}, 3));
    const Tensor y = conv_transpose2d(x, w, bias, s.spec);
    reference::NaiveConv2d c = naive({y.shape(),
                                      s.weight,
                                      {.stride = s.spec.stride,
                                       .padding = s.spec.padding,
                                       .dilation = s.spec.dilation,
                                       .groups = s.spec.groups}});
    ASSERT_EQ(s.x, (Shape{c.n, c.out_h(), c.out_w(), c.out_channels}));
    const auto vx = x.to_doubles(), vw = w.to_doubles();
    expect_near(y.to_doubles(), reference::naive_backward_input(c, vx, vw, bias.to_doubles()),
                1e-12, "y");
    const Tensor dy = normal(y.shape(), 4);
    backward(y, dy);
    const auto vdy = dy.to_doubles();
    expect_near(grad(x).to_doubles(), reference::naive_forward(c, vdy, vw), 1e-12, "dx");
    expect_near(grad(w).to_doubles(), reference::naive_backward_weight(c, vdy, vx), 1e-12, "dw");
    std::vector<double> db(c.in_channels, 0);
    for (size_t i = 0; i < vdy.size(); ++i) db[i % db.size()] += vdy[i];
    expect_near(grad(bias).to_doubles(), db, 1e-12, "db");
  }
}

TEST(ConvTranspose2d, IsTheAdjointOfConv2d) {
  for (const Sizes& s : sizes) {
    const Tensor x = normal(s.x, 5), w = normal(s.weight, 6);
    const Tensor ax = conv2d(x, w, {}, s.spec), y = normal(ax.shape(), 7);
    // What the stride cut off at the bottom and on the right is output padding of the transpose.
    const auto rest = [&](int i) {
      return (s.x[i] + 2 * s.spec.padding.pixels() - s.spec.dilation * (s.weight[i] - 1) - 1) %
             s.spec.stride;
    };
    if (rest(1) != rest(2)) continue;
    const Tensor aty = conv_transpose2d(y, w, {},
                                        {.stride = s.spec.stride,
                                         .padding = s.spec.padding,
                                         .output_padding = rest(1),
                                         .dilation = s.spec.dilation,
                                         .groups = s.spec.groups});
    ASSERT_EQ(aty.shape(), s.x);
    EXPECT_NEAR(dot(ax, y), dot(x, aty), 1e-12 * std::sqrt(dot(ax, ax) * dot(y, y)));
  }
}

/// Compares the gradients of <f(inputs), random> with central differences of it. The ops are linear
/// in each input, so that the differences are exact up to rounding.
void expect_gradients(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                      std::vector<Tensor> inputs) {
  for (Tensor& x : inputs) require_grad(x);
  const Tensor y = f(inputs), cotangent = normal(y.shape(), 99);
  backward(y, cotangent);
  const NoGrad no_grad;
  for (size_t k = 0; k < inputs.size(); ++k) {
    const std::vector<double> analytic = grad(inputs[k]).to_doubles();
    for (int64_t i = 0; i < inputs[k].numel(); ++i) {
      const double value = inputs[k].to_doubles()[i], h = 1e-2;
      const auto at = [&](double v) {
        inputs[k].mutable_data<double>()[i] = v;
        return dot(f(inputs), cotangent);
      };
      const double numeric = (at(value + h) - at(value - h)) / (2 * h);
      inputs[k].mutable_data<double>()[i] = value;
      ASSERT_NEAR(analytic[i], numeric, 1e-9) << "input " << k << " at " << i;
    }
  }
}

TEST(Conv2d, GradientsEqualDifferences) {
  expect_gradients(
      [](const auto& in) {
        return conv2d(in[0], in[1], in[2], {.stride = 2, .padding = 1, .dilation = 2, .groups = 2});
      },
      {normal({2, 6, 7, 4}, 1), normal({6, 3, 2, 2}, 2), normal({6}, 3)});
}

TEST(ConvTranspose2d, GradientsEqualDifferences) {
  expect_gradients(
      [](const auto& in) {
        return conv_transpose2d(in[0], in[1], in[2],
                                {.stride = 2, .padding = 1, .output_padding = 1});
      },
      {normal({1, 3, 4, 3}, 1), normal({3, 3, 3, 2}, 2), normal({2}, 3)});
}

TEST(Conv2d, GraphKeepsOnlyWhatABackwardReads) {
  const auto kept = [](bool x_grad, bool w_grad) {
    Tensor x = normal({1, 4, 4, 2}, 1), w = normal({3, 3, 3, 2}, 2);
    if (x_grad) x = require_grad(x);
    if (w_grad) w = require_grad(w);
    const std::weak_ptr<Storage> x_storage = x.storage(), w_storage = w.storage();
    const Tensor y = conv2d(x, w, require_grad(normal({3}, 3)));
    x = w = Tensor();
    return std::pair(!x_storage.expired(), !w_storage.expired());
  };
  EXPECT_EQ(kept(true, true), std::pair(true, true));
  EXPECT_EQ(kept(true, false), std::pair(false, true));
  EXPECT_EQ(kept(false, true), std::pair(true, false));
  EXPECT_EQ(kept(false, false), std::pair(false, false));
}

TEST(Conv2d, GradientsThatNobodyWantsAreLeftOut) {
  const Tensor x = normal({1, 4, 4, 2}, 1), w = require_grad(normal({3, 3, 3, 2}, 2));
  const Tensor y = conv2d(x, w);
  backward(y, normal(y.shape(), 3));
  EXPECT_EQ(grad(w).shape(), w.shape());
  EXPECT_FALSE(needs_grad(x));
}

TEST(Conv2d, EmptyBatch) {
  const Tensor x = require_grad(Tensor::empty({0, 4, 4, 2}, Dtype::f32));
  const Tensor w = require_grad(normal({3, 3, 3, 2}, 2, Dtype::f32));
  const Tensor y = conv2d(x, w, {}, {.padding = 1});
  EXPECT_EQ(y.shape(), (Shape{0, 4, 4, 3}));
  backward(y, Tensor::empty(y.shape(), Dtype::f32));
  EXPECT_THAT(grad(w).to_doubles(), testing::Each(0.0));
  EXPECT_EQ(grad(x).shape(), x.shape());
  EXPECT_EQ(conv_transpose2d(y, w, {}, {.padding = 1}).shape(), (Shape{0, 4, 4, 2}));
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Conv2d, ErrorsSayWhatWasGotAndExpected) {
  const Tensor x = normal({2, 32, 32, 5}, 1), w = normal({8, 3, 3, 3}, 2);
  const Tensor x3 = normal({2, 8, 9, 3}, 1);
  const auto error = [](const Tensor& x, const Tensor& w, const Tensor& b = {},
                        const Conv2dSpec& spec = {}) {
    return message_of([&] { conv2d(x, w, b, spec); });
  };
  EXPECT_EQ(
      error(x, w),
      "[conv2d] input has 5 channels, weight expects 3 (input [2,32,32,5], weight [8,3,3,3])");
  EXPECT_THAT(error(normal({8, 9, 3}, 1), w), HasSubstr("input has 3 dimensions, expected 4"));
  EXPECT_THAT(error(x3, normal({8, 27}, 1)), HasSubstr("weight has 2 dimensions, expected 4"));
  EXPECT_THAT(error(x3.to(Dtype::f32), w), HasSubstr("weight is f64, input is f32"));
  EXPECT_THAT(error(x3, w, normal({8}, 1).to(Dtype::f32)), HasSubstr("bias is f32, input is f64"));
  EXPECT_THAT(error(x3.to(Dtype::i32), w), HasSubstr("input is i32, expected f32, f64 or bf16"));
  EXPECT_THAT(error(x3, w, normal({7}, 1)), HasSubstr("bias is [7], expected [8]"));
  EXPECT_THAT(error(x3, w, {}, {.stride = 0}), HasSubstr("stride is 0, expected at least 1"));
  EXPECT_THAT(error(x3, w, {}, {.dilation = 0}), HasSubstr("dilation is 0, expected at least 1"));
  EXPECT_THAT(error(x3, w, {}, {.padding = -1}), HasSubstr("padding is -1, expected at least 0"));
  EXPECT_THAT(error(x3, w, {}, {.groups = 0}), HasSubstr("groups is 0, expected at least 1"));
  EXPECT_THAT(error(normal({1, 8, 8, 9}, 1), w, {}, {.groups = 3}),
              HasSubstr("8 output channels cannot be cut into 3 groups"));
  EXPECT_THAT(error(x3, w, {}, {.padding = 1, .dilation = 5}),
              HasSubstr("kernel spans 11 pixels of height, the padded input has 10"));
  EXPECT_THAT(error(Tensor::empty({2, 0, 8, 3}, Dtype::f64), w), HasSubstr("empty image"));
}

TEST(ConvTranspose2d, ErrorsSayWhatWasGotAndExpected) {
  const Tensor x = normal({1, 4, 4, 6}, 1), w = normal({6, 3, 3, 2}, 2);
  const auto error = [](const Tensor& x, const Tensor& w, const Tensor& b = {},
                        const ConvTranspose2dSpec& spec = {}) {
    return message_of([&] { conv_transpose2d(x, w, b, spec); });
  };
  EXPECT_EQ(error(normal({1, 4, 4, 5}, 1), w),
            "[conv_transpose2d] input has 5 channels, weight expects 6 (input [1,4,4,5], weight "
            "[6,3,3,2])");
  EXPECT_THAT(error(x, w, {}, {.groups = 4}),
              HasSubstr("6 input channels cannot be cut into 4 groups"));
  EXPECT_THAT(error(x, w, normal({2}, 1), {.groups = 2}), HasSubstr("bias is [2], expected [4]"));
  EXPECT_THAT(error(x, w, {}, {.stride = 2, .output_padding = 2}),
              HasSubstr("output_padding is 2, expected 0 to less than"));
  EXPECT_THAT(error(x, w, {}, {.padding = 3}), HasSubstr("height of 0, expected at least 1"));
  EXPECT_THAT(error(x, w, {}, {.stride = -1}), HasSubstr("stride is -1"));
}

}  // namespace
}  // namespace pixelgrad

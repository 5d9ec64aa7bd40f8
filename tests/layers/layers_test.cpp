#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "layers/activation.h"
#include "layers/batch_norm.h"
#include "layers/conv.h"
#include "layers/conv_bn_act.h"
#include "layers/dropout.h"
#include "layers/group_norm.h"
#include "layers/sequential.h"
#include "layers/step_scope.h"

namespace pixelgrad {
namespace {

using testing::Contains;
using testing::DoubleNear;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const UsageError& e) {
    return e.what();
  }
  return "accepted";
}

Tensor parameter(const Module& module, const std::string& name) {
  for (const NamedTensor& t : module.state())
    if (t.name == name) return t.tensor;
  throw Error("no parameter " + name);
}

TEST(Conv2dLayer, PassesItsOptionsOn) {
  // Every option away from its default and every size different, so that a swap shows in the shape.
  Conv2d conv({.in_channels = 4,
               .out_channels = 6,
               .kernel_size = 3,
               .stride = 2,
               .padding = 3,
               .dilation = 2,
               .groups = 2});
  EXPECT_EQ(conv.weight().shape(), (Shape{6, 3, 3, 2}));
  EXPECT_EQ(conv.bias().shape(), (Shape{6}));
  // floor((11 + 6 - 4 - 1) / 2) + 1 = 7 and floor((8 + 6 - 4 - 1) / 2) + 1 = 5
  EXPECT_EQ(conv(Tensor::zeros({1, 11, 8, 4}, Dtype::f32)).shape(), (Shape{1, 7, 5, 6}));
}

TEST(Conv2dLayer, AddsUpTheImageUnderTheKernel) {
  Conv2d conv({.in_channels = 1, .out_channels = 1, .kernel_size = 3, .padding = 1});
  parameter(conv, "weight").fill(1);
  parameter(conv, "bias").fill(10);
  const Tensor x = Tensor::from<float>({1, 2, 2, 1}, {1, 2, 3, 4});
  EXPECT_THAT(conv(x).to_doubles(), Each(20));
}

TEST(Conv2dLayer, HasNoBiasWhenNotAsked) {
  const Conv2d conv({.in_channels = 4, .out_channels = 6, .bias = false});
  EXPECT_FALSE(conv.bias().defined());
  EXPECT_EQ(conv.parameter_count(), 6 * 9 * 4);
}

TEST(Conv2dLayer, RefusesBadOptions) {
  EXPECT_EQ(refusal([] { Conv2d({.in_channels = 0}); }),
            "[conv2d] in_channels is 0, expected at least 1");
  EXPECT_THAT(refusal([] { Conv2d({.padding = -1}); }), HasSubstr("padding is -1"));
  EXPECT_EQ(refusal([] { Conv2d({.in_channels = 4, .out_channels = 6, .groups = 4}); }),
            "[conv2d] 4 groups do not divide 4 input and 6 output channels");
}

TEST(ConvTranspose2dLayer, PassesItsOptionsOn) {
  ConvTranspose2d up({.in_channels = 4,
                      .out_channels = 6,
                      .kernel_size = 3,
                      .stride = 3,
                      .padding = 1,
                      .output_padding = 2,
                      .dilation = 2,
                      .groups = 2});
  EXPECT_EQ(parameter(up, "weight").shape(), (Shape{4, 3, 3, 3}));
  // (5 - 1) 3 - 2 + 2 * 2 + 2 + 1 = 17 and (4 - 1) 3 - 2 + 4 + 2 + 1 = 14
  EXPECT_EQ(up(Tensor::zeros({1, 5, 4, 4}, Dtype::f32)).shape(), (Shape{1, 17, 14, 6}));
  EXPECT_THAT(refusal([] { ConvTranspose2d({.output_padding = 2}); }),
              HasSubstr("output_padding is 2"));
}

// [1,2,3,6] in one channel: PyTorch gives mean .3 and variance .9 + .1 * 4.666667.
TEST(BatchNorm2dLayer, NormalizesAndTracksAsPyTorch) {
  BatchNorm2d bn({.channels = 1});
  const Tensor x = Tensor::from<float>({1, 2, 2, 1}, {1, 2, 3, 6});
  EXPECT_THAT(bn(x).to_doubles(),
              ElementsAre(DoubleNear(-1.06904, 1e-5), DoubleNear(-0.53452, 1e-5),
                          DoubleNear(0, 1e-5), DoubleNear(1.60357, 1e-5)));
  EXPECT_NEAR(parameter(bn, "running_mean").item(), 0.3, 1e-6);
  EXPECT_NEAR(parameter(bn, "running_var").item(), 1.366667, 1e-6);
  EXPECT_EQ(parameter(bn, "num_batches_tracked").item(), 1);
  EXPECT_EQ(parameter(bn, "num_batches_tracked").dtype(), Dtype::i64);

  bn.eval();
  EXPECT_NEAR(bn(x).to_doubles()[0], (1 - 0.3) / std::sqrt(1.366667), 1e-5);
  EXPECT_EQ(parameter(bn, "num_batches_tracked").item(), 1);
  EXPECT_NEAR(parameter(bn, "running_mean").item(), 0.3, 1e-6);
}

TEST(BatchNorm2dLayer, UsesItsMomentumAndEps) {
  BatchNorm2d bn({.channels = 1, .eps = 3.5, .momentum = 1});
  const Tensor x = Tensor::from<float>({1, 2, 2, 1}, {1, 2, 3, 6});
  EXPECT_NEAR(bn(x).to_doubles()[3], 3 / std::sqrt(7.0), 1e-6);  // biased variance 3.5
  EXPECT_NEAR(parameter(bn, "running_mean").item(), 3, 1e-6);
  EXPECT_THAT(refusal([] { BatchNorm2d({.momentum = 1.5}); }), HasSubstr("momentum is 1.5"));
}

TEST(BatchNorm2dLayer, FrozenKeepsItsStatisticsWhileItTrains) {
  BatchNorm2d bn({.channels = 1, .frozen = true});
  parameter(bn, "running_mean").fill(2);
  parameter(bn, "running_var").fill(4);
  const Tensor x = Tensor::from<float>({1, 2, 2, 1}, {1, 2, 3, 6});
  const Tensor y = bn(x);
  EXPECT_THAT(y.to_doubles(),
              ElementsAre(DoubleNear(-0.5, 1e-5), 0, DoubleNear(0.5, 1e-5), DoubleNear(2, 1e-5)));
  EXPECT_EQ(parameter(bn, "running_mean").item(), 2);
  EXPECT_EQ(parameter(bn, "running_var").item(), 4);
  EXPECT_EQ(parameter(bn, "num_batches_tracked").item(), 0);
  backward(y, Tensor::full(x.shape(), 1, Dtype::f32));
  EXPECT_NEAR(grad(parameter(bn, "weight")).item(), 2, 1e-5);
  EXPECT_EQ(grad(parameter(bn, "bias")).item(), 4);

  bn.freeze(false);
  bn(x);
  EXPECT_NEAR(parameter(bn, "running_mean").item(), 0.9 * 2 + 0.1 * 3, 1e-6);
}

// Two groups of two channels, of two pixels: 1, 3, 1, 3 has mean 2 and deviation 1.
TEST(GroupNormLayer, NormalizesGroups) {
  GroupNorm norm({.groups = 2, .channels = 4, .eps = 0});
  const Tensor x = Tensor::from<float>({1, 1, 2, 4}, {1, 3, 10, 10, 1, 3, 30, 30});
  EXPECT_THAT(norm(x).to_doubles(), ElementsAre(-1, 1, -1, -1, -1, 1, 1, 1));
  parameter(norm, "weight").fill(2);
  parameter(norm, "bias").fill(5);
  EXPECT_THAT(norm(x).to_doubles(), ElementsAre(3, 7, 3, 3, 3, 7, 7, 7));
  EXPECT_EQ(norm.parameter_count(), 8);
  EXPECT_EQ(GroupNorm({.groups = 2, .channels = 4, .affine = false}).parameter_count(), 0);
  EXPECT_EQ(refusal([] { GroupNorm({.groups = 3, .channels = 4}); }),
            "[group_norm] 3 groups do not divide 4 channels");
}

TEST(InstanceNorm2dLayer, NormalizesChannels) {
  InstanceNorm2d norm({.channels = 2, .eps = 3, .affine = true});
  const Tensor x = Tensor::from<float>({1, 1, 2, 2}, {1, 10, 3, 30});
  // deviations sqrt(1 + 3) and sqrt(100 + 3)
  EXPECT_THAT(norm(x).to_doubles(),
              ElementsAre(-0.5, DoubleNear(-0.985329, 1e-6), 0.5, DoubleNear(0.985329, 1e-6)));
  EXPECT_EQ(norm.parameter_count(), 4);
  EXPECT_EQ(InstanceNorm2d({.channels = 2}).parameter_count(), 0);
  EXPECT_THAT(refusal([] { InstanceNorm2d({.channels = 0}); }), HasSubstr("channels is 0"));
}

TEST(LayerNormLayer, NormalizesTheLastDimensions) {
  LayerNorm pixels({.shape = {2}, .eps = 0});
  const Tensor x = Tensor::from<float>({1, 1, 2, 2}, {1, 3, 10, 30});
  EXPECT_THAT(pixels(x).to_doubles(), ElementsAre(-1, 1, -1, 1));
  LayerNorm image({.shape = {1, 2, 2}, .eps = 0});
  EXPECT_EQ(parameter(image, "weight").shape(), (Shape{1, 2, 2}));
  // mean 11, variance (100 + 64 + 1 + 361) / 4
  EXPECT_NEAR(image(x).to_doubles()[3], 19 / std::sqrt(131.5), 1e-6);
  try {
    LayerNorm({.shape = {3}})(x);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "[layer_norm] input is [1,1,2,2], expected the last dimensions [3]");
  }
  EXPECT_THAT(refusal([] { LayerNorm({.shape = {}}); }), HasSubstr("shape is []"));
}

TEST(DropoutLayer, DrawsByPathSeedAndStep) {
  Sequential net;
  Layer& first = net.append<Dropout>({.p = 0.5});
  Layer& second = net.append<Dropout>({.p = 0.5});
  const Tensor x = Tensor::full({1, 16, 16, 4}, 1, Dtype::f32);
  const auto draw = [&](Layer& layer, uint64_t seed, uint64_t step) {
    const StepScope scope(seed, step);
    return layer(x).to_doubles();
  };
  const std::vector<double> base = draw(first, 1, 10);
  EXPECT_EQ(draw(first, 1, 10), base);
  EXPECT_NE(draw(first, 1, 11), base);
  EXPECT_NE(draw(first, 2, 10), base);
  EXPECT_NE(draw(second, 1, 10), base);
  EXPECT_EQ(first(x).to_doubles(), draw(first, 0, 0));  // outside of any scope
  for (const double v : base) EXPECT_TRUE(v == 0 || v == 2) << v;

  net.eval();
  EXPECT_EQ(draw(first, 1, 10), x.to_doubles());
  EXPECT_THAT(refusal([] { Dropout({.p = 1}); }), HasSubstr("p is 1"));
}

TEST(Dropout2dLayer, DropsChannelsInTrainingOnly) {
  Sequential net;
  Layer& layer = net.append<Dropout2d>({.p = 0.5});
  const Tensor x = Tensor::full({16, 2, 2, 16}, 1, Dtype::f32);
  const StepScope scope(1, 10);
  const std::vector<double> y = layer(x).to_doubles();
  EXPECT_THAT(y, Contains(0));
  EXPECT_THAT(y, Contains(2));
  for (size_t i = 0; i < y.size(); ++i)  // the four pixels of a channel fall together
    EXPECT_EQ(y[i], y[i / 64 * 64 + i % 16]) << i;
  EXPECT_EQ(layer.describe(), "Dropout2d(0.5)");
  EXPECT_THAT(refusal([] { Dropout2d({.p = 1}); }), HasSubstr("[dropout2d] p is 1"));
  net.eval();
  EXPECT_TRUE(layer(x).same_as(x));
}

TEST(StepScope, RestoresTheOuterOne) {
  const StepScope outer(1, 2);
  { const StepScope inner(3, 4); }
  const RandomKey key = StepScope::key(9);
  EXPECT_EQ(key.seed, 1u);
  EXPECT_EQ(key.step, 2u);
  EXPECT_EQ(key.stream, 9u);
}

TEST(SequentialLayer, RunsItsLayersInOrder) {
  Sequential net;
  Conv2d& conv = net.append<Conv2d>({.in_channels = 1, .out_channels = 1, .kernel_size = 1});
  net.append<LeakyReLU>(0.5);
  net.append(std::make_unique<ReLU>());
  EXPECT_EQ(net.size(), 3u);
  parameter(conv, "weight").fill(-1);
  parameter(conv, "bias").fill(3);
  const Tensor x = Tensor::from<float>({1, 1, 2, 1}, {1, 5});
  EXPECT_THAT(net(x).to_doubles(), ElementsAre(2, 0));
}

TEST(ActivationLayers, ComputeTheirFunctions) {
  const Tensor x = Tensor::from<float>({1, 1, 2, 1}, {-2, 3});
  EXPECT_THAT(ReLU()(x).to_doubles(), ElementsAre(0, 3));
  EXPECT_THAT(LeakyReLU()(x).to_doubles(), ElementsAre(DoubleNear(-0.02, 1e-8), 3));
  EXPECT_THAT(Sigmoid()(x).to_doubles(),
              ElementsAre(DoubleNear(0.1192029, 1e-6), DoubleNear(0.9525741, 1e-6)));
  // PyTorch's torch.nn.ELU(), ELU(2), GELU(), GELU('tanh'), SiLU(), Hardswish(), Tanh(),
  // Softplus(), Softplus(2, 1)
  const auto expect = [&](Layer&& layer, const char* name, double first, double second) {
    EXPECT_THAT(layer(x).to_doubles(),
                ElementsAre(DoubleNear(first, 1e-6), DoubleNear(second, 1e-6)));
    EXPECT_EQ(layer.describe(), name);
  };
  expect(ELU(), "ELU(1)", -0.8646647, 3);
  expect(ELU(2), "ELU(2)", -1.7293294, 3);
  expect(GELU(), "GELU", -0.0455003, 2.9959502);
  expect(GELU(GeluMode::tanh_approximation), "GELU(tanh approximation)", -0.0454023, 2.9963627);
  expect(SiLU(), "SiLU", -0.2384058, 2.8577223);
  expect(HardSwish(), "HardSwish", -0.3333333, 3);
  expect(Tanh(), "Tanh", -0.9640276, 0.9950547);
  expect(Softplus(), "Softplus(beta 1, threshold 20)", 0.1269280, 3.0485873);
  expect(Softplus(2, 1), "Softplus(beta 2, threshold 1)", 0.0090749, 3);
  EXPECT_THAT(refusal([] { LeakyReLU(-1); }), HasSubstr("slope is -1"));
  EXPECT_THAT(refusal([] { ELU(-1); }), HasSubstr("alpha is -1"));
  EXPECT_THAT(refusal([] { Softplus(0); }), HasSubstr("beta is 0"));
}

TEST(ConvBnActLayer, IsConvolutionNormAndReLU) {
  const Tensor x = Tensor::from<float>({1, 2, 2, 1}, {1, 2, 3, 6});
  ConvBnAct block({.in_channels = 1, .out_channels = 1, .kernel_size = 1});
  EXPECT_EQ(block.parameter_count(), 1 + 2);
  parameter(block, "0.weight").fill(2);
  EXPECT_THAT(block(x).to_doubles(),
              ElementsAre(0, 0, DoubleNear(0, 1e-5), DoubleNear(1.60357, 1e-5)));

  ConvBnAct linear(
      {.in_channels = 1, .out_channels = 1, .kernel_size = 1, .activation = Activation::none});
  parameter(linear, "0.weight").fill(2);
  EXPECT_NEAR(linear(x).to_doubles()[0], -1.06904, 1e-5);

  ConvBnAct plain(
      {.in_channels = 1, .out_channels = 1, .kernel_size = 1, .bias = true, .norm = false});
  EXPECT_EQ(plain.parameter_count(), 1 + 1);
  parameter(plain, "0.weight").fill(2);
  parameter(plain, "0.bias").fill(-5);
  EXPECT_THAT(plain(x).to_doubles(), ElementsAre(0, 0, 1, 7));
}

}  // namespace
}  // namespace pixelgrad

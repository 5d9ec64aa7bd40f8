#include "layers/layer_cases.h"

#include <memory>

#include "layers/activation.h"
#include "layers/batch_norm.h"
#include "layers/conv.h"
#include "layers/conv_bn_act.h"
#include "layers/dropout.h"
#include "layers/group_norm.h"
#include "layers/linear.h"
#include "layers/module_sample.h"
#include "layers/pool.h"
#include "layers/sequential.h"
#include "layers/upsample.h"

namespace pixelgrad {
namespace {

using MakeLayer = std::function<std::unique_ptr<Layer>()>;

OpSample layer_sample(std::string name, Shape x, MakeLayer make) {
  return module_sample(
      std::move(name), std::move(x), std::move(make),
      [](Module& layer, const Tensor& in) { return static_cast<Layer&>(layer).forward(in); });
}

OpCase layer_case(std::string name, std::vector<OpSample> samples) {
  OpCase layer;
  layer.name = std::move(name);
  layer.samples = std::move(samples);
  return layer;
}

template <class L, class... Args>
MakeLayer make(Args... args) {
  return [=] { return std::make_unique<L>(args...); };
}

}  // namespace

const std::vector<OpCase>& layer_cases() {
  static const std::vector<OpCase> cases = [] {
    const Shape small{2, 5, 4, 3};
    return std::vector<OpCase>{
        layer_case("Conv2d", {layer_sample("3x3, padding 1", small,
                                           make<Conv2d>(Conv2d::Options{
                                               .in_channels = 3, .out_channels = 4, .padding = 1})),
                              layer_sample("no bias, stride 2, dilation 2", {1, 9, 8, 3},
                                           make<Conv2d>(Conv2d::Options{.in_channels = 3,
                                                                        .out_channels = 2,
                                                                        .stride = 2,
                                                                        .padding = 2,
                                                                        .dilation = 2,
                                                                        .bias = false}))}),
        layer_case("ConvTranspose2d", {layer_sample("2x2, stride 2", small,
                                                    make<ConvTranspose2d>(ConvTranspose2d::Options{
                                                        .in_channels = 3, .out_channels = 2}))}),
        layer_case(
            "BatchNorm2d",
            {layer_sample("training", small,
                          make<BatchNorm2d>(BatchNorm2d::Options{.channels = 3})),
             layer_sample("frozen", small,
                          make<BatchNorm2d>(BatchNorm2d::Options{.channels = 3, .frozen = true}))}),
        layer_case("GroupNorm",
                   {layer_sample("2 groups", {2, 5, 4, 6},
                                 make<GroupNorm>(GroupNorm::Options{.groups = 2, .channels = 6}))}),
        layer_case("InstanceNorm2d", {layer_sample("affine", small,
                                                   make<InstanceNorm2d>(InstanceNorm2d::Options{
                                                       .channels = 3, .affine = true}))}),
        layer_case("LayerNorm", {layer_sample("over channels", {2, 5, 4, 6},
                                              make<LayerNorm>(LayerNorm::Options{.shape = {6}}))}),
        layer_case("ConvBnAct",
                   {layer_sample("3x3, padding 1", small,
                                 make<ConvBnAct>(ConvBnAct::Options{
                                     .in_channels = 3, .out_channels = 4, .padding = 1}))}),
        layer_case("ReLU", {layer_sample("small", small, make<ReLU>())}),
        layer_case("LeakyReLU", {layer_sample("small", small, make<LeakyReLU>(0.1))}),
        layer_case("ELU", {layer_sample("small", small, make<ELU>(0.7))}),
        layer_case("GELU", {layer_sample("small", small, make<GELU>())}),
        layer_case("SiLU", {layer_sample("small", small, make<SiLU>())}),
        layer_case("HardSwish", {layer_sample("small", small, make<HardSwish>())}),
        layer_case("Sigmoid", {layer_sample("small", small, make<Sigmoid>())}),
        layer_case("Tanh", {layer_sample("small", small, make<Tanh>())}),
        layer_case("Softplus", {layer_sample("small", small, make<Softplus>())}),
        layer_case("Dropout",
                   {layer_sample("p = 0.4", small, make<Dropout>(Dropout::Options{.p = 0.4}))}),
        layer_case("Dropout2d", {layer_sample("p = 0.4", {3, 3, 2, 5},
                                              make<Dropout2d>(Dropout2d::Options{.p = 0.4}))}),
        layer_case(
            "Linear",
            {layer_sample("3 to 4", small,
                          make<Linear>(Linear::Options{.in_features = 3, .out_features = 4})),
             layer_sample("no bias", {5, 3},
                          make<Linear>(Linear::Options{
                              .in_features = 3, .out_features = 2, .bias = false}))}),
        layer_case("MaxPool2d", {layer_sample("3x3, stride 2, padding 1", small,
                                              make<MaxPool2d>(MaxPool2d::Options{
                                                  .kernel_size = 3, .stride = 2, .padding = 1}))}),
        layer_case("AvgPool2d",
                   {layer_sample("same, stride 2", small,
                                 make<AvgPool2d>(AvgPool2d::Options{
                                     .kernel_size = 3, .stride = 2, .padding = Padding::same}))}),
        layer_case("AdaptiveAvgPool2d",
                   {layer_sample("2x3 bins", small,
                                 make<AdaptiveAvgPool2d>(
                                     AdaptiveAvgPool2d::Options{.height = 2, .width = 3}))}),
        layer_case("GlobalAvgPool2d", {layer_sample("small", small, make<GlobalAvgPool2d>())}),
        layer_case(
            "Upsample",
            {layer_sample("bicubic by 2", small,
                          make<Upsample>(Upsample::Options{.mode = UpsampleMode::bicubic}))}),
        layer_case("PixelShuffle", {layer_sample("by 2", {1, 3, 2, 8},
                                                 make<PixelShuffle>(PixelShuffle::Options{}))}),
        layer_case("Sequential",
                   {layer_sample("convolution, ReLU, convolution", small,
                                 [] {
                                   auto layers = std::make_unique<Sequential>();
                                   layers->append<Conv2d>(
                                       {.in_channels = 3, .out_channels = 2, .padding = 1});
                                   layers->append<ReLU>();
                                   layers->append<Conv2d>(
                                       {.in_channels = 2, .out_channels = 2, .kernel_size = 1});
                                   return layers;
                                 })}),
    };
  }();
  return cases;
}

}  // namespace pixelgrad

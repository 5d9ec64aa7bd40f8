#include "models/heads.h"

#include "autograd/ops/pool.h"
#include "autograd/ops/upsample.h"
#include "layers/dropout.h"

namespace pixelgrad {

ConvHead::ConvHead(Options o)
    : conv_(add<ConvBnAct>("", {.in_channels = o.in_channels,
                                .out_channels = o.mid_channels,
                                .padding = 1,
                                .init = Init::pytorch_default})),
      dropout_(o.drop_channels ? static_cast<Layer&>(add<Dropout2d>("3", {.p = o.dropout}))
                               : add<Dropout>("3", {.p = o.dropout})),
      classify_(add<Conv2d>(
          "4", {.in_channels = o.mid_channels, .out_channels = o.classes, .kernel_size = 1})) {}

Tensor ConvHead::forward(const Tensor& x) { return classify_(dropout_(conv_(x))); }

SeparableConvBnAct::SeparableConvBnAct(Options o)
    : depthwise_(add<Conv2d>(str(o.position, ".0"), {.in_channels = o.in_channels,
                                                     .out_channels = o.in_channels,
                                                     .kernel_size = 3,
                                                     .padding = o.dilation,
                                                     .dilation = o.dilation,
                                                     .groups = o.in_channels,
                                                     .bias = false})),
      between_(o.norm_between
                   ? &add<BatchNorm2d>(str(o.position, ".norm"), {.channels = o.in_channels})
                   : nullptr),
      pointwise_(add<Conv2d>(str(o.position, ".1"), {.in_channels = o.in_channels,
                                                     .out_channels = o.out_channels,
                                                     .kernel_size = 1,
                                                     .bias = false})),
      bn_(add<BatchNorm2d>(std::to_string(o.position + 1), {.channels = o.out_channels})) {}

Tensor SeparableConvBnAct::forward(const Tensor& x) {
  Tensor y = between_ ? conv_bn_act(depthwise_, between_, Activation::relu, x) : depthwise_(x);
  return conv_bn_act(pointwise_, &bn_, Activation::relu, std::move(y));
}

Aspp::Aspp(Options o)
    : branches_([&] {
        std::vector<Layer*> all{&add<ConvBnAct>("convs.0", {.in_channels = o.in_channels,
                                                            .out_channels = o.channels,
                                                            .kernel_size = 1,
                                                            .init = Init::pytorch_default})};
        for (const int64_t rate : o.rates) {
          const std::string name = str("convs.", all.size());
          if (o.separable)
            all.push_back(&add<SeparableConvBnAct>(name, {.in_channels = o.in_channels,
                                                          .out_channels = o.channels,
                                                          .dilation = rate,
                                                          .norm_between = o.norm_between}));
          else
            all.push_back(&add<ConvBnAct>(name, {.in_channels = o.in_channels,
                                                 .out_channels = o.channels,
                                                 .padding = rate,
                                                 .dilation = rate,
                                                 .init = Init::pytorch_default}));
        }
        return all;
      }()),
      image_branch_(
          add<ConvBnAct>(str("convs.", branches_.size()), {.in_channels = o.in_channels,
                                                           .out_channels = o.channels,
                                                           .kernel_size = 1,
                                                           .init = Init::pytorch_default,
                                                           .position = 1})),  // behind the pooling
      project_(add<ConvBnAct>(
          "project", {.in_channels = static_cast<int64_t>(branches_.size() + 1) * o.channels,
                      .out_channels = o.channels,
                      .kernel_size = 1,
                      .init = Init::pytorch_default})),
      dropout_(add<Dropout>("project.3", {.p = o.dropout})) {}

Tensor Aspp::forward(const Tensor& x) {
  std::vector<Tensor> parts;
  for (Layer* branch : branches_) parts.push_back((*branch)(x));
  parts.push_back(upsample(image_branch_(global_avg_pool2d(x)), x.shape(1), x.shape(2),
                           {.mode = UpsampleMode::bilinear}));
  return dropout_(project_.forward(std::move(parts)));
}

}  // namespace pixelgrad

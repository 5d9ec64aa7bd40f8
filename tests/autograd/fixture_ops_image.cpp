// Convolution, batch norm, pooling, resizing: ops on images.
#include "autograd/ops/batch_norm.h"
#include "autograd/ops/conv2d.h"
#include "autograd/ops/conv_transpose2d.h"
#include "autograd/ops/pool.h"
#include "autograd/ops/upsample.h"
#include "tests/autograd/fixture_ops.h"

namespace pixelgrad {
namespace {

Tensor conv2d_call(const FixtureCall& call) {
  Conv2dSpec spec;
  call.attributes.read("stride", spec.stride);
  call.attributes.read("padding", spec.padding);
  call.attributes.read("dilation", spec.dilation);
  call.attributes.read("groups", spec.groups);
  return conv2d(call["x"], call["weight"], call["bias"], spec);
}

Tensor conv_transpose2d_call(const FixtureCall& call) {
  ConvTranspose2dSpec spec;
  call.attributes.read("stride", spec.stride);
  call.attributes.read("padding", spec.padding);
  call.attributes.read("output_padding", spec.output_padding);
  call.attributes.read("dilation", spec.dilation);
  call.attributes.read("groups", spec.groups);
  return conv_transpose2d(call["x"], call["weight"], call["bias"], spec);
}

Tensor batch_norm_call(const FixtureCall& call) {
  BatchNormSpec spec;
  call.attributes.read("momentum", spec.momentum);
  call.attributes.read("eps", spec.eps);
  call.attributes.read("training", spec.training);
  return batch_norm(call["x"], call["gamma"], call["beta"], call["running_mean"],
                    call["running_variance"], spec);
}

Tensor max_pool2d_call(const FixtureCall& call) {
  MaxPool2dSpec spec;
  call.attributes.read("kernel_size", spec.kernel_size);
  call.attributes.read("stride", spec.stride);
  call.attributes.read("padding", spec.padding);
  call.attributes.read("dilation", spec.dilation);
  return max_pool2d(call["x"], spec);
}

Tensor avg_pool2d_call(const FixtureCall& call) {
  AvgPool2dSpec spec;
  call.attributes.read("kernel_size", spec.kernel_size);
  call.attributes.read("stride", spec.stride);
  call.attributes.read("padding", spec.padding);
  call.attributes.read("count_include_pad", spec.count_include_pad);
  return avg_pool2d(call["x"], spec);
}

UpsampleSpec upsample_spec(const FixtureCall& call) {
  static const std::map<std::string, UpsampleMode> modes = {{"nearest", UpsampleMode::nearest},
                                                            {"bilinear", UpsampleMode::bilinear}};
  UpsampleSpec spec{.mode = modes.at(call.attributes.get<std::string>("mode"))};
  call.attributes.read("align_corners", spec.align_corners);
  return spec;
}

Tensor upsample_call(const FixtureCall& call) {
  return upsample(call["x"], call.attributes.get<int64_t>("out_h"),
                  call.attributes.get<int64_t>("out_w"), upsample_spec(call));
}

Tensor upsample_scale_call(const FixtureCall& call) {
  return upsample_scale(call["x"], call.attributes.get<int64_t>("factor"), upsample_spec(call));
}

}  // namespace

FixtureOps convolution_fixture_ops() {
  return {{"conv2d", conv2d_call}, {"conv_transpose2d", conv_transpose2d_call}};
}

FixtureOps normalization_fixture_ops() { return {{"batch_norm", batch_norm_call}}; }

FixtureOps pooling_fixture_ops() {
  return {{"max_pool2d", max_pool2d_call}, {"avg_pool2d", avg_pool2d_call}};
}

FixtureOps resize_fixture_ops() {
  return {{"upsample", upsample_call}, {"upsample_scale", upsample_scale_call}};
}

}  // namespace pixelgrad

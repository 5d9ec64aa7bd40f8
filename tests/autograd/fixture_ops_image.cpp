// Ops on images: convolution, norms, pooling, resizing.
#include "autograd/ops/batch_norm.h"
#include "autograd/ops/conv2d.h"
#include "autograd/ops/conv_transpose2d.h"
#include "autograd/ops/group_norm.h"
#include "autograd/ops/pool.h"
#include "autograd/ops/upsample.h"
#include "tests/autograd/fixture_ops.h"

namespace pixelgrad {
namespace {

/// Pixels on every side, or "same".
void read_padding(const FixtureCall& call, Padding& padding) {
  if (call.attributes.is_text("padding"))
    return call.attributes.read_name("padding", padding, {{"same", Padding::same}});
  int64_t pixels = 0;
  call.attributes.read("padding", pixels);
  padding = pixels;
}

Tensor conv2d_call(const FixtureCall& call) {
  Conv2dSpec spec;
  call.attributes.read("stride", spec.stride);
  read_padding(call, spec.padding);
  call.attributes.read("dilation", spec.dilation);
  call.attributes.read("groups", spec.groups);
  if (const Tensor second = call["x1"])
    return conv2d({call["x"], second}, call["weight"], call["bias"], spec);
  return conv2d(call["x"], call["weight"], call["bias"], spec);
}

Tensor conv_transpose2d_call(const FixtureCall& call) {
  ConvTranspose2dSpec spec;
  call.attributes.read("stride", spec.stride);
  read_padding(call, spec.padding);
  call.attributes.read("output_padding", spec.output_padding);
  call.attributes.read("dilation", spec.dilation);
  call.attributes.read("groups", spec.groups);
  return conv_transpose2d(call["x"], call["weight"], call["bias"], spec);
}

BatchNormSpec batch_norm_spec(const FixtureCall& call) {
  BatchNormSpec spec;
  call.attributes.read("momentum", spec.momentum);
  call.attributes.read("eps", spec.eps);
  call.attributes.read("training", spec.training);
  return spec;
}

Tensor batch_norm_call(const FixtureCall& call) {
  return batch_norm(call["x"], call["gamma"], call["beta"], call["running_mean"],
                    call["running_variance"], batch_norm_spec(call));
}

Tensor batch_norm_act_call(const FixtureCall& call) {
  Activation activation{};
  call.attributes.read_name("activation", activation,
                            {{"none", Activation::none}, {"relu", Activation::relu}});
  return batch_norm_act(call["x"], call["gamma"], call["beta"], call["running_mean"],
                        call["running_variance"], batch_norm_spec(call), activation,
                        call["residual"]);
}

Tensor group_norm_call(const FixtureCall& call) {
  GroupNormSpec spec;
  call.attributes.read("groups", spec.groups);
  call.attributes.read("eps", spec.eps);
  return group_norm(call["x"], call["gamma"], call["beta"], spec);
}

Tensor instance_norm_call(const FixtureCall& call) {
  InstanceNormSpec spec;
  call.attributes.read("eps", spec.eps);
  return instance_norm(call["x"], call["gamma"], call["beta"], spec);
}

Tensor layer_norm_call(const FixtureCall& call) {
  LayerNormSpec spec;
  call.attributes.read("dims", spec.dims);
  call.attributes.read("eps", spec.eps);
  return layer_norm(call["x"], call["gamma"], call["beta"], spec);
}

Tensor max_pool2d_call(const FixtureCall& call) {
  MaxPool2dSpec spec;
  call.attributes.read("kernel_size", spec.kernel_size);
  call.attributes.read("stride", spec.stride);
  read_padding(call, spec.padding);
  call.attributes.read("dilation", spec.dilation);
  call.attributes.read("ceil_mode", spec.ceil_mode);
  return max_pool2d(call["x"], spec);
}

Tensor avg_pool2d_call(const FixtureCall& call) {
  AvgPool2dSpec spec;
  call.attributes.read("kernel_size", spec.kernel_size);
  call.attributes.read("stride", spec.stride);
  read_padding(call, spec.padding);
  call.attributes.read("ceil_mode", spec.ceil_mode);
  call.attributes.read("count_include_pad", spec.count_include_pad);
  return avg_pool2d(call["x"], spec);
}

/// A call of op(x, out_h, out_w, more...).
template <class... More>
Tensor to_size(Tensor (*op)(const Tensor&, int64_t, int64_t, const More&...),
               const FixtureCall& call, const More&... more) {
  return op(call["x"], call.attributes.get<int64_t>("out_h"), call.attributes.get<int64_t>("out_w"),
            more...);
}

UpsampleSpec upsample_spec(const FixtureCall& call) {
  UpsampleSpec spec;
  call.attributes.read_name("mode", spec.mode,
                            {{"nearest", UpsampleMode::nearest},
                             {"bilinear", UpsampleMode::bilinear},
                             {"bicubic", UpsampleMode::bicubic}});
  call.attributes.read("align_corners", spec.align_corners);
  return spec;
}

Tensor upsample_scale_call(const FixtureCall& call) {
  return upsample_scale(call["x"], call.attributes.get<int64_t>("factor"), upsample_spec(call));
}

}  // namespace

FixtureOps convolution_fixture_ops() {
  return {{"conv2d", conv2d_call}, {"conv_transpose2d", conv_transpose2d_call}};
}

FixtureOps fusion_fixture_ops() { return {{"batch_norm_act", batch_norm_act_call}}; }

FixtureOps normalization_fixture_ops() {
  return {{"batch_norm", batch_norm_call},
          {"group_norm", group_norm_call},
          {"instance_norm", instance_norm_call},
          {"layer_norm", layer_norm_call}};
}

FixtureOps pooling_fixture_ops() {
  using Call = const FixtureCall&;
  return {
      {"max_pool2d", max_pool2d_call},
      {"avg_pool2d", avg_pool2d_call},
      {"adaptive_avg_pool2d", [](Call call) { return to_size(adaptive_avg_pool2d, call); }},
      {"adaptive_max_pool2d", [](Call call) { return to_size(adaptive_max_pool2d, call); }},
      {"global_avg_pool2d", [](Call call) { return global_avg_pool2d(call["x"]); }},
      {"global_max_pool2d", [](Call call) { return global_max_pool2d(call["x"]); }},
  };
}

FixtureOps resize_fixture_ops() {
  return {
      {"upsample",
       [](const FixtureCall& call) { return to_size(upsample, call, upsample_spec(call)); }},
      {"upsample_scale", upsample_scale_call},
  };
}

}  // namespace pixelgrad

#include "models/summary.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>
#include <utility>

#include "autograd/trace.h"
#include "layers/evaluation_scope.h"

namespace pixelgrad {
namespace {

/// Along one axis: how many input pixels a pixel depends on, and how many lie between what it and
/// its neighbour depend on.
struct AxisField {
  double size = 1, jump = 1;
};

struct Field {
  AxisField height, width;
  bool whole = false;

  ReceptiveField rounded(const Shape& image) const {
    if (whole) return {image[1], image[2], true};
    const auto up = [](double size) { return static_cast<int64_t>(std::ceil(size - 1e-6)); };
    return {up(height.size), up(width.size), false};
  }
};

AxisField through(const AxisField& in, const TraceAxis& window) {
  return {in.size + static_cast<double>(window.span - 1) * in.jump, in.jump * window.step};
}

AxisField larger(const AxisField& a, const AxisField& b) {
  return {std::max(a.size, b.size), std::max(a.jump, b.jump)};
}

/// The parameters of a model by their leaves, with the module that each is of.
struct Parameter {
  std::string module;
  int64_t values = 0;
};
using Parameters = std::unordered_map<const GradSource*, Parameter>;

Parameters parameters_of(const Module& model) {
  Parameters out;
  for (const NamedTensor& p : model.parameters()) {
    const size_t dot = p.name.rfind('.');
    out[p.tensor.source().get()] = {dot == std::string::npos ? "" : p.name.substr(0, dot),
                                    p.tensor.numel()};
  }
  return out;
}

std::map<std::string, std::string> descriptions_of(const Module& model) {
  std::map<std::string, std::string> out;
  model.visit([&](const std::string& path, const Module& module) {
    if (const std::string text = module.describe(); !text.empty()) out[path] = text;
  });
  return out;
}

int64_t macs_of(const TracedOp& op) {
  // The weight of a convolution comes last but for the bias; all but its first size are one output.
  if (op.name == "conv2d" || op.name == "linear") {
    const Shape& weight = op.inputs.at(op.inputs.size() - 2).shape;
    return numel(op.shape) * (numel(weight) / weight[0]);
  }
  if (op.name == "conv_transpose2d") {
    const Shape& weight = op.inputs.at(1).shape;
    return numel(op.inputs[0].shape) * (numel(weight) / weight[0]);
  }
  if (op.name == "matmul") return numel(op.shape) * op.inputs.at(0).shape.back();
  return 0;
}

/// Of what `op` puts out; `fields` are those of the ops before it.
Field field_of(const TracedOp& op, const GradSource* image, const std::vector<Field>& fields) {
  Field joined;
  bool reads_image = false;
  for (const TracedOp::Input& input : op.inputs) {
    if (input.op < 0 && input.leaf.get() != image) continue;  // a parameter or a constant
    const Field from = input.op < 0 ? Field() : fields.at(static_cast<size_t>(input.op));
    if (!std::exchange(reads_image, true))
      joined = from;
    else
      joined = {larger(joined.height, from.height), larger(joined.width, from.width),
                joined.whole || from.whole};
  }
  if (!reads_image) return joined;
  check(op.window.has_value(), "[summary] op '", op.name, "' with output ", op.shape,
        " does not say which pixels it reads");
  return {through(joined.height, op.window->height), through(joined.width, op.window->width),
          joined.whole || op.window->height.whole || op.window->width.whole};
}

}  // namespace

ModelSummary summarize(SegmentationModel& model, int64_t height, int64_t width) {
  check(height >= 1 && width >= 1, "[summary] image of ", height, " x ", width,
        ", expected at least 1 x 1");
  const EvaluationScope evaluation(model);
  Trace trace;
  const Tensor image =
      require_grad(Tensor::empty({1, height, width, model.config().in_channels}, Dtype::f32));
  const Tensor logits = model.forward(image).logits;

  ModelSummary out{.input = image.shape(), .logits = logits.shape()};
  for (const NamedTensor& p : model.parameters()) {
    out.parameters += p.tensor.numel();
    if (needs_grad(p.tensor)) out.trainable += p.tensor.numel();
  }
  for (const NamedTensor& b : model.buffers())
    if (is_floating(b.tensor.dtype())) out.buffers += b.tensor.numel();

  Parameters unread = parameters_of(model);
  const auto descriptions = descriptions_of(model);
  std::vector<Field> fields;
  for (const TracedOp& op : trace.ops()) {
    fields.push_back(field_of(op, image.source().get(), fields));
    LayerSummary layer{.type = op.name,
                       .shape = op.shape,
                       .macs = macs_of(op),
                       .receptive_field = fields.back().rounded(out.input)};
    if (!op.is_view)
      layer.activation_bytes = numel(op.shape) * static_cast<int64_t>(size_of(Dtype::f32));
    for (const TracedOp::Input& input : op.inputs) {
      const auto found = unread.find(input.leaf.get());
      if (found == unread.end()) continue;
      layer.name = found->second.module;
      layer.parameters += found->second.values;
      unread.erase(found);  // what two layers share counts once
    }
    if (const auto found = descriptions.find(layer.name);
        !layer.name.empty() && found != descriptions.end())
      layer.type = found->second;
    out.macs += layer.macs;
    out.activation_bytes += layer.activation_bytes;
    out.layers.push_back(std::move(layer));
  }
  for (const auto& [leaf, parameter] : unread) out.training_only += parameter.values;
  out.receptive_field = fields.at(static_cast<size_t>(trace.index_of(logits))).rounded(out.input);
  return out;
}

}  // namespace pixelgrad

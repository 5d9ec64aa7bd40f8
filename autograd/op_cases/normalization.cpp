// batch_norm, group_norm, instance_norm, layer_norm.
#include "autograd/op_cases/arguments.h"
#include "autograd/op_cases/internal.h"
#include "autograd/ops/batch_norm.h"
#include "autograd/ops/group_norm.h"

namespace pixelgrad {
namespace {

constexpr int64_t f64_bytes = 8;  // of a statistic

OpError error(std::string name, std::function<void()> call, std::string message) {
  return {std::move(name), std::move(call), std::move(message)};
}

/// x and gamma, where the call has one, and `groups` means and variances.
int64_t norm_bytes(const std::vector<Shape>& inputs, int64_t groups, int64_t element) {
  const int64_t gamma = inputs.size() > 1 ? numel(inputs[1]) : 0;
  return (numel(inputs[0]) + gamma) * element + 2 * groups * f64_bytes;
}

/// But for eps, y does not depend on x where a group has one value or two.
OpSample ill_conditioned(OpSample sample) {
  sample.ill_conditioned = true;
  return sample;
}

/// x [...,channels], gamma and beta [channels]. Running statistics are new in every call, because
/// training overwrites them.
OpSample batch_norm_sample(std::string name, Shape x, BatchNormSpec spec, Tensor earlier = {}) {
  const int64_t channels = x.back();
  BatchNormArguments arguments;
  arguments.spec = spec;
  arguments.earlier = earlier;
  for (int64_t c = 0; c < channels; ++c) {
    arguments.running_mean.push_back(0.1 * static_cast<double>(c) - 0.2);
    arguments.running_variance.push_back(0.5 + 0.3 * static_cast<double>(c % 5));
  }
  return {std::move(name), normals({std::move(x), {channels}, {channels}}),
          [arguments](const std::vector<Tensor>& in) {
            const Tensor mean = captured(arguments.running_mean, in[0]);
            const Tensor variance = captured(arguments.running_variance, in[0]);
            BatchNormSpec spec = arguments.spec;
            if (arguments.earlier) {
              const Tensor batch = arguments.earlier.to(in[0].dtype()).to(in[0].device());
              for (const bool training : {true, false}) {
                spec.training = training;
                batch_norm(batch, {}, {}, mean, variance, spec);
              }
            }
            return batch_norm(in[0], in[1], in[2], mean, variance, arguments.spec);
          },
          arguments};
}

OpCase batch_norm_case() {
  OpCase op;
  op.name = "batch_norm";
  op.inputs = {"x", "gamma", "beta"};
  op.saved_bytes = [](const OpSample&, const std::vector<Shape>& inputs, const Shape&,
                      int64_t element) {
    const int64_t beta = inputs.size() > 2 ? numel(inputs[2]) : 0;  // to compute y again
    return norm_bytes(inputs, inputs[0].back(), element) + beta * element;
  };
  op.samples = {
      ill_conditioned(batch_norm_sample("two pixels, 1 channel", {1, 1, 2, 1}, {})),
      // Variance 0: y is beta, and x gets no gradient.
      ill_conditioned(batch_norm_sample("one pixel", {1, 1, 1, 3}, {})),
      batch_norm_sample("3 channels", {2, 3, 5, 3}, {}),
      batch_norm_sample("17 channels", {2, 3, 3, 17}, {}),
      batch_norm_sample("32 channels, rows of a matrix", {5, 32}, {}),
      batch_norm_sample("large eps", {2, 3, 3, 2}, {.eps = 0.1}),
      batch_norm_sample("evaluation", {2, 3, 5, 3}, {.training = false}),
      batch_norm_sample("evaluation, one pixel", {1, 1, 1, 17}, {.training = false}),
      batch_norm_sample("evaluation after a step of training", {2, 2, 3, 2},
                        {.momentum = 0.2, .training = false},
                        Tensor::from<double>({3, 2}, {1, -2, 4, 0.5, -2, 3})),
      batch_norm_sample("several tiles", {2, 33, 35, 17}, {}),
      batch_norm_sample("evaluation, several tiles", {2, 33, 35, 17},
                        {.eps = 1e-3, .training = false}),
      {"no gamma, beta or statistics", normals({{2, 3, 4, 3}}),
       [](const std::vector<Tensor>& in) { return batch_norm(in[0], {}, {}, {}, {}); },
       BatchNormArguments{}},
  };
  const auto call = [](Shape x, int64_t gamma, int64_t beta, int64_t statistics) {
    return [=] {
      batch_norm(zeros(x), zeros({gamma}), zeros({beta}), zeros({statistics}), zeros({statistics}));
    };
  };
  op.errors = {
      error("gamma of another size", call({2, 4, 4, 3}, 4, 3, 3),
            "[batch_norm] gamma is [4], expected [3]"),
      error("beta of another size", call({2, 4, 4, 3}, 3, 2, 3),
            "[batch_norm] beta is [2], expected [3]"),
      error("statistics of another size", call({2, 4, 4, 3}, 3, 3, 5), "running_mean is [5]"),
      error("no values", call({0, 4, 4, 3}, 3, 3, 3), "[0,4,4,3]"),
      error(
          "evaluation without statistics",
          [] {
            batch_norm(zeros({1, 2, 2, 3}), zeros({3}), zeros({3}), {}, {}, {.training = false});
          },
          "evaluation needs running_mean"),
  };
  return op;
}

/// x, gamma and beta of the shape `affine`, or x alone where that is empty.
template <class Spec>
OpSample norm_sample(std::string name, Shape x, Shape affine, Spec spec,
                     Tensor (*op)(const Tensor&, const Tensor&, const Tensor&, const Spec&)) {
  std::vector<Shape> shapes = {std::move(x)};
  if (!affine.empty()) shapes.insert(shapes.end(), {affine, affine});
  return {std::move(name), normals(std::move(shapes)),
          [op, spec](const std::vector<Tensor>& in) {
            return in.size() == 1 ? op(in[0], {}, {}, spec) : op(in[0], in[1], in[2], spec);
          },
          spec};
}

OpCase group_norm_case() {
  const auto sample = [](std::string name, Shape x, GroupNormSpec spec, bool affine = true) {
    const int64_t channels = x.back();
    return norm_sample(std::move(name), std::move(x), affine ? Shape{channels} : Shape{}, spec,
                       group_norm);
  };
  OpCase op;
  op.name = "group_norm";
  op.inputs = {"x", "gamma", "beta"};
  op.saved_bytes = [](const OpSample& s, const std::vector<Shape>& inputs, const Shape&,
                      int64_t element) {
    const auto& spec = std::any_cast<const GroupNormSpec&>(s.arguments);
    return norm_bytes(inputs, inputs[0][0] * spec.groups, element);
  };
  op.samples = {
      ill_conditioned(sample("one value a group", {1, 1, 1, 2}, {.groups = 2})),
      sample("one group", {2, 3, 5, 3}, {.groups = 1}),
      sample("3 groups of 2", {2, 3, 4, 6}, {.groups = 3}),
      sample("a group a channel", {2, 3, 5, 4}, {.groups = 4}),
      sample("17 channels, one group", {1, 3, 3, 17}, {.groups = 1}),
      sample("one pixel, 2 groups of 5", {3, 1, 1, 10}, {.groups = 2}),
      sample("rows of a matrix", {3, 12}, {.groups = 3}),
      sample("large eps", {2, 3, 3, 4}, {.groups = 2, .eps = 0.1}),
      sample("no gamma and beta", {2, 3, 4, 6}, {.groups = 2}, false),
      sample("several tiles", {2, 37, 31, 18}, {.groups = 6}),
  };
  const auto call = [](Shape x, int64_t groups, int64_t gamma) {
    return [=] { group_norm(zeros(x), zeros({gamma}), {}, {.groups = groups}); };
  };
  op.errors = {
      error("groups that do not divide", call({2, 4, 4, 6}, 4, 6),
            "[group_norm] 4 groups do not divide 6 channels (input [2,4,4,6])"),
      error("no groups", call({2, 4, 4, 6}, 0, 6), "[group_norm] 0 groups do not divide"),
      error("gamma of another size", call({2, 4, 4, 6}, 2, 2),
            "[group_norm] gamma is [2], expected [6] (input [2,4,4,6])"),
      error("a vector", call({6}, 2, 6), "[group_norm] input is [6], expected [N,...,C]"),
      error("no values", call({2, 0, 4, 6}, 2, 6), "at least one value"),
      error(
          "negative eps",
          [] {
            group_norm(zeros({2, 6}), {}, {}, {.groups = 2, .eps = -1});
          },
          "[group_norm] eps is -1, expected at least 0"),
  };
  return op;
}

OpCase instance_norm_case() {
  const auto sample = [](std::string name, Shape x, InstanceNormSpec spec = {},
                         bool affine = true) {
    const int64_t channels = x.back();
    return norm_sample(std::move(name), std::move(x), affine ? Shape{channels} : Shape{}, spec,
                       instance_norm);
  };
  OpCase op;
  op.name = "instance_norm";
  op.inputs = {"x", "gamma", "beta"};
  op.saved_bytes = [](const OpSample&, const std::vector<Shape>& inputs, const Shape&,
                      int64_t element) {
    return norm_bytes(inputs, inputs[0][0] * inputs[0].back(), element);
  };
  op.samples = {
      ill_conditioned(sample("one pixel", {2, 1, 1, 3})),
      ill_conditioned(sample("two pixels, 1 channel", {1, 1, 2, 1})),
      sample("1 channel", {2, 3, 5, 1}),
      sample("3 channels", {3, 3, 5, 3}),
      sample("17 channels", {1, 3, 4, 17}),
      sample("sequences", {2, 7, 4}),
      sample("large eps", {2, 3, 3, 4}, {.eps = 0.1}),
      sample("no gamma and beta", {2, 3, 4, 5}, {}, false),
      sample("several tiles", {2, 47, 29, 13}),
  };
  op.errors = {
      error(
          "beta of another size",
          [] {
            instance_norm(zeros({2, 4, 4, 3}), zeros({3}), zeros({2}));
          },
          "[instance_norm] beta is [2], expected [3] (input [2,4,4,3])"),
      error(
          "a vector", [] { instance_norm(zeros({3}), {}, {}); },
          "[instance_norm] input is [3], expected [N,...,C]"),
      error(
          "mixed dtypes",
          [] {
            instance_norm(zeros({2, 4, 4, 3}), Tensor::zeros({3}, Dtype::f32), {});
          },
          "[instance_norm] input holds f64 and gamma f32"),
  };
  return op;
}

OpCase layer_norm_case() {
  const auto sample = [](std::string name, Shape x, LayerNormSpec spec = {}, bool affine = true) {
    const Shape last(x.end() - spec.dims, x.end());
    return norm_sample(std::move(name), std::move(x), affine ? last : Shape{}, spec, layer_norm);
  };
  OpCase op;
  op.name = "layer_norm";
  op.inputs = {"x", "gamma", "beta"};
  op.saved_bytes = [](const OpSample& s, const std::vector<Shape>& inputs, const Shape&,
                      int64_t element) {
    const auto& spec = std::any_cast<const LayerNormSpec&>(s.arguments);
    const Shape first(inputs[0].begin(), inputs[0].end() - spec.dims);
    return norm_bytes(inputs, numel(first), element);
  };
  op.samples = {
      ill_conditioned(sample("1 channel", {2, 1, 3, 1})),
      sample("3 channels", {2, 3, 5, 3}),
      sample("17 channels", {1, 3, 3, 17}),
      sample("34 channels, one pixel", {1, 1, 1, 34}),
      sample("a vector", {9}),
      sample("over the last three dimensions", {3, 2, 3, 4}, {.dims = 3}),
      sample("over all dimensions", {2, 5, 3}, {.dims = 3}),
      sample("large eps", {2, 3, 2, 4}, {.eps = 0.1}),
      sample("no gamma and beta", {2, 3, 2, 5}, {}, false),
      sample("several tiles", {2, 31, 33, 18}),
  };
  op.errors = {
      error(
          "too many dimensions",
          [] {
            layer_norm(zeros({2, 3}), {}, {}, {.dims = 3});
          },
          "[layer_norm] dims is 3, expected 1 to 2 (input [2,3])"),
      error(
          "gamma of another shape",
          [] {
            layer_norm(zeros({2, 3, 4}), zeros({12}), {}, {.dims = 2});
          },
          "[layer_norm] gamma is [12], expected [3,4] (input [2,3,4])"),
      error(
          "no values",
          [] {
            layer_norm(zeros({2, 0}), {}, {});
          },
          "[layer_norm] input is [2,0], expected at least one value"),
  };
  return op;
}

}  // namespace

std::vector<OpCase> normalization_cases() {
  return {batch_norm_case(), group_norm_case(), instance_norm_case(), layer_norm_case()};
}

}  // namespace pixelgrad

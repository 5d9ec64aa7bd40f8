// batch_norm_act: ops that do in one pass what others do in several.
#include "autograd/op_cases/arguments.h"
#include "autograd/op_cases/internal.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/batch_norm.h"

namespace pixelgrad {
namespace {

/// Values of one size, [0.9, 1.3), whose signs alternate over pixels and channels: normalised, they
/// keep clear of 0 by 0.4.
Tensor two_sided(const Shape& shape, Random& random) {
  const int64_t channels = shape.back();
  std::vector<double> values(static_cast<size_t>(numel(shape)));
  for (size_t i = 0; i < values.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    const bool positive = (at / channels + at % channels) % 2 == 0;
    values[i] = (positive ? 1 : -1) * random.uniform(0.9, 1.3);
  }
  return Tensor::from(shape, values);
}

/// For each channel, a value of [low, high) of alternating sign.
Tensor alternating(int64_t channels, double low, double high, Random& random) {
  std::vector<double> values;
  for (int64_t c = 0; c < channels; ++c)
    values.push_back((c % 2 == 0 ? 1 : -1) * random.uniform(low, high));
  return Tensor::from({channels}, values);
}

/// A third of the values outweighs whatever is normalised, the others change no sign.
Tensor residual_of(const Shape& shape, Random& random) {
  std::vector<double> values(static_cast<size_t>(numel(shape)));
  for (size_t i = 0; i < values.size(); ++i) {
    const double u = random.uniform(-1, 1);
    values[i] = i % 3 == 0 ? (u < 0 ? -3.5 : 3.5) + 0.5 * u : 0.05 * u;
  }
  return Tensor::from(shape, values);
}

/// x, gamma, beta and perhaps a residual, such that no value before the ReLU is near its bend.
MakeInputs clear_of_the_bend(Shape x, bool affine, bool residual) {
  return [=](uint64_t seed) {
    Random random({.seed = seed, .stream = stream_of("batch_norm_act case")});
    std::vector<Tensor> inputs{two_sided(x, random)};
    if (affine) inputs.push_back(alternating(x.back(), 0.9, 1.3, random));
    if (affine) inputs.push_back(alternating(x.back(), 0.2, 0.3, random));
    if (residual) inputs.push_back(residual_of(x, random));
    return inputs;
  };
}

Tensor call_with(const BatchNormActArguments& a, const std::vector<Tensor>& in) {
  const Tensor& x = in[0];
  const Tensor mean = captured(a.norm.running_mean, x);
  const Tensor variance = captured(a.norm.running_variance, x);
  if (a.norm.earlier) {
    const Tensor batch = a.norm.earlier.to(x.dtype()).to(x.device());
    BatchNormSpec spec = a.norm.spec;
    for (const bool training : {true, false}) {
      spec.training = training;
      batch_norm_act(batch, {}, {}, mean, variance, spec, a.activation);
    }
  }
  const Tensor y = batch_norm_act(x, in[1], in[2], mean, variance, a.norm.spec, a.activation,
                                  a.residual ? in[3] : Tensor());
  return a.times_x ? mul(y, x) : y;
}

OpSample sample(std::string name, Shape x, BatchNormActArguments a) {
  for (int64_t c = 0; c < x.back(); ++c) {
    a.norm.running_mean.push_back(0.1 * static_cast<double>(c % 3) - 0.1);
    a.norm.running_variance.push_back(0.6 + 0.25 * static_cast<double>(c % 5));
  }
  return {std::move(name), clear_of_the_bend(std::move(x), true, a.residual),
          [a](const std::vector<Tensor>& in) { return call_with(a, in); }, a};
}

OpSample ill_conditioned(OpSample s) {
  s.ill_conditioned = true;
  return s;
}

OpCase batch_norm_act_case() {
  constexpr Activation none = Activation::none, relu = Activation::relu;
  constexpr bool with_residual = true;
  const BatchNormArguments evaluation{.spec = {.training = false}};
  OpCase op;
  op.name = "batch_norm_act";
  op.inputs = {"x", "gamma", "beta", "residual"};
  op.has_kinks = true;
  op.saved_bytes = [](const OpSample& s, const std::vector<Shape>& inputs, const Shape& y,
                      int64_t element) {
    constexpr int64_t f64_bytes = 8;
    return saves_inputs(s, inputs, y, element) + 2 * inputs[0].back() * f64_bytes;
  };
  op.samples = {
      // But for eps, y does not depend on x where a channel has one value or two.
      ill_conditioned(sample("two pixels, 1 channel", {1, 1, 2, 1}, {.activation = relu})),
      ill_conditioned(sample("one pixel", {1, 1, 1, 3}, {.activation = relu})),
      ill_conditioned(sample("one pixel with a residual", {1, 1, 1, 5},
                             {.activation = relu, .residual = with_residual})),
      sample("3 channels", {2, 3, 5, 3}, {.activation = relu}),
      sample("17 channels with a residual", {2, 3, 3, 17},
             {.activation = relu, .residual = with_residual}),
      sample("32 channels, rows of a matrix", {5, 32},
             {.activation = relu, .residual = with_residual}),
      sample("a residual, no activation", {2, 3, 5, 3},
             {.activation = none, .residual = with_residual}),
      sample("no activation", {2, 3, 3, 5}, {.activation = none}),
      sample("large eps", {2, 3, 3, 2}, {.norm = {.spec = {.eps = 0.1}}, .activation = relu}),
      sample("evaluation", {2, 3, 5, 3}, {.norm = evaluation, .activation = relu}),
      sample("evaluation, one pixel with a residual", {1, 1, 1, 17},
             {.norm = evaluation, .activation = relu, .residual = with_residual}),
      sample("evaluation after a step of training", {2, 2, 3, 2},
             {.norm = {.spec = {.momentum = 0.2, .training = false},
                       .earlier = Tensor::from<double>({3, 2}, {0.5, -1, 1.5, 0.5, -1, 1})},
              .activation = relu}),
      // What reads y computes it again.
      sample("a value that is read", {2, 2, 3, 4},
             {.activation = relu, .residual = with_residual, .times_x = true}),
      sample("a value that is read, no activation", {2, 3, 3, 4},
             {.activation = none, .times_x = true}),
      sample("several tiles", {2, 33, 35, 17}, {.activation = relu}),
      sample("several tiles with a residual that are read", {2, 33, 35, 17},
             {.activation = relu, .residual = with_residual, .times_x = true}),
      sample("evaluation, several tiles with a residual", {2, 33, 35, 17},
             {.norm = evaluation, .activation = relu, .residual = with_residual}),
      {"no gamma, beta or statistics", clear_of_the_bend({2, 3, 4, 3}, false, false),
       [](const std::vector<Tensor>& in) {
         return batch_norm_act(in[0], {}, {}, {}, {}, {}, Activation::relu);
       },
       BatchNormActArguments{.activation = relu}},
  };
  const auto call = [](Shape x, int64_t gamma, Tensor residual, BatchNormSpec spec = {}) {
    return [=] {
      batch_norm_act(zeros(x), zeros({gamma}), {}, {}, {}, spec, Activation::relu, residual);
    };
  };
  op.errors = {
      {"gamma of another size", call({2, 4, 4, 3}, 4, {}),
       "[batch_norm_act] gamma is [4], expected [3]"},
      {"a residual of another shape", call({2, 4, 4, 3}, 3, zeros({2, 4, 2, 3})),
       "[batch_norm_act] residual is [2,4,2,3], expected [2,4,4,3]"},
      {"a residual that would broadcast", call({2, 4, 4, 3}, 3, zeros({3})), "residual is [3]"},
      {"a residual of single precision",
       call({2, 2, 2, 3}, 3, Tensor::zeros({2, 2, 2, 3}, Dtype::f32)),
       "input holds f64 and residual f32"},
      {"no values", call({2, 0, 4, 3}, 3, {}), "[2,0,4,3]"},
      {"evaluation without statistics", call({1, 2, 2, 3}, 3, {}, {.training = false}),
       "[batch_norm_act] evaluation needs running_mean"},
      {"negative eps", call({1, 2, 2, 3}, 3, {}, {.eps = -1}), "eps is -1, expected at least 0"},
  };
  return op;
}

}  // namespace

std::vector<OpCase> fusion_cases() { return {batch_norm_act_case()}; }

}  // namespace pixelgrad

#include "autograd/op_cases/arguments.h"
#include "autograd/ops/group_norm.h"
#include "tests/autograd/twins.h"
#include "tests/reference/naive_norm.h"

namespace pixelgrad {
namespace {

using naive::Array;
using Arrays = std::vector<Array>;

std::vector<double> values_or_none(const Arrays& inputs, size_t i) {
  return i < inputs.size() ? inputs[i].values : std::vector<double>();
}

/// By the statistics of the values with the same group_of(index).
template <class GroupOf>
Array by_own_statistics(const Arrays& in, const GroupOf& group_of, double eps) {
  return normalize(in[0], statistics(in[0], group_of), group_of, values_or_none(in, 1),
                   values_or_none(in, 2), eps);
}

Array batch_norm_twin(const Arrays& in, const std::any& arguments) {
  const auto& a = std::any_cast<const BatchNormArguments&>(arguments);
  const auto channel = [c = in[0].channels()](int64_t i) { return i % c; };
  if (a.spec.training) return by_own_statistics(in, channel, a.spec.eps);
  std::map<int64_t, naive::Statistics> running;
  for (size_t c = 0; c < a.running_mean.size(); ++c)
    running[static_cast<int64_t>(c)] = {a.running_mean[c], a.running_variance[c]};
  if (a.earlier) {
    const Array earlier(a.earlier);
    const double n = static_cast<double>(earlier.pixels()), m = a.spec.momentum;
    for (const auto& [c, batch] : statistics(earlier, channel)) {
      running[c].mean = (1 - m) * running[c].mean + m * batch.mean;
      running[c].variance = (1 - m) * running[c].variance + m * batch.variance * n / (n - 1);
    }
  }
  return normalize(in[0], running, channel, in[1].values, in[2].values, a.spec.eps);
}

Array batch_norm_act_twin(const Arrays& in, const std::any& arguments) {
  const auto& a = std::any_cast<const BatchNormActArguments&>(arguments);
  Array y = batch_norm_twin(in, a.norm);
  for (size_t i = 0; i < y.values.size(); ++i) {
    if (a.residual) y.values[i] += in[3].values[i];
    if (a.activation == Activation::relu && y.values[i] < 0) y.values[i] = 0;
    if (a.times_x) y.values[i] *= in[0].values[i];
  }
  return y;
}

/// Which sample and, of `groups`, which group of channels an element belongs to, as one number.
auto sample_and_group(const Array& x, int64_t groups) {
  const int64_t channels = x.channels();
  const int64_t a_sample = static_cast<int64_t>(x.values.size()) / x.size(0);
  return [=](int64_t i) { return i / a_sample * groups + i % channels / (channels / groups); };
}

Array group_norm_twin(const Arrays& in, const std::any& arguments) {
  const auto& spec = std::any_cast<const GroupNormSpec&>(arguments);
  return by_own_statistics(in, sample_and_group(in[0], spec.groups), spec.eps);
}

Array instance_norm_twin(const Arrays& in, const std::any& arguments) {
  const auto& spec = std::any_cast<const InstanceNormSpec&>(arguments);
  return by_own_statistics(in, sample_and_group(in[0], in[0].channels()), spec.eps);
}

Array layer_norm_twin(const Arrays& in, const std::any& arguments) {
  const auto& spec = std::any_cast<const LayerNormSpec&>(arguments);
  int64_t values = 1;
  for (int64_t d = 1; d <= spec.dims; ++d)
    values *= in[0].shape[in[0].shape.size() - static_cast<size_t>(d)];
  return by_own_statistics(
      in, [values](int64_t i) { return i / values; }, spec.eps);
}

}  // namespace

Twins normalization_twins() {
  return {{"batch_norm", batch_norm_twin},
          {"batch_norm_act", batch_norm_act_twin},
          {"group_norm", group_norm_twin},
          {"instance_norm", instance_norm_twin},
          {"layer_norm", layer_norm_twin}};
}

}  // namespace pixelgrad

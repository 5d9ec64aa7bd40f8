#include "tests/support/bf16_ops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "autograd/graph.h"
#include "autograd/ops/cast.h"
#include "tensor/random.h"

namespace pixelgrad::testing {
namespace {

/// What an input is to an op: activations are stored as bf16, weights are rounded to it for the
/// products, the other parameters are used as they are.
enum class Role { activation, weight, parameter };

Role role_of(const std::string& name) {
  if (name.starts_with("weight")) return Role::weight;
  return name == "bias" || name == "gamma" || name == "beta" ? Role::parameter : Role::activation;
}

std::vector<Role> roles_of(const OpCase& op, const OpSample& sample) {
  std::vector<Role> roles;
  for (const std::string& name : sample.input_names.empty() ? op.inputs : sample.input_names)
    roles.push_back(role_of(name));
  return roles;
}

Tensor rounded(const Tensor& x) { return x.to(Dtype::f32).to(Dtype::bf16).to(Dtype::f64); }

Tensor cotangent_of(const Tensor& y) {
  Tensor v = Tensor::empty(y.shape(), Dtype::f64);
  fill_normal(v, {.seed = 11, .stream = stream_of("bf16_ops")}, 0, 1);
  return rounded(v).to(y.dtype()).to(y.device());
}

std::vector<Tensor> results_of(const Tensor& y, const std::vector<Tensor>& leaves) {
  std::vector<Tensor> results{y.detach().clone().to(Device::cpu)};
  backward(y, cotangent_of(y));
  for (const Tensor& x : leaves) results.push_back(grad(x).to(Device::cpu));
  return results;
}

double norm(const std::vector<double>& a) {
  double sum = 0;
  for (const double v : a) sum += v * v;
  return std::sqrt(sum);
}

}  // namespace

const std::set<std::string>& bf16_ops() {
  static const std::set<std::string> names{"adaptive_avg_pool2d",
                                           "adaptive_max_pool2d",
                                           "add",
                                           "avg_pool2d",
                                           "batch_norm",
                                           "batch_norm_act",
                                           "cast",
                                           "center_crop2d",
                                           "concat",
                                           "conv2d",
                                           "conv_transpose2d",
                                           "crop2d",
                                           "dropout",
                                           "dropout2d",
                                           "global_avg_pool2d",
                                           "global_max_pool2d",
                                           "leaky_relu",
                                           "max_pool2d",
                                           "mul",
                                           "pad2d",
                                           "permute",
                                           "pixel_shuffle",
                                           "relu",
                                           "reshape",
                                           "slice",
                                           "sub",
                                           "upsample",
                                           "upsample_scale"};
  return names;
}

std::vector<Tensor> bf16_value_and_gradients(const OpCase& op, const OpSample& sample,
                                             Device device) {
  const std::vector<Role> roles = roles_of(op, sample);
  std::vector<Tensor> leaves, inputs;
  for (const Tensor& x : sample.inputs(0)) {
    leaves.push_back(require_grad(x.to(Dtype::f32).to(device)));
    const bool stored = roles.at(inputs.size()) == Role::activation;
    inputs.push_back(stored ? cast(leaves.back(), Dtype::bf16) : leaves.back());
  }
  return results_of(sample.call(inputs), leaves);
}

void expect_bf16_agreement(const OpCase& op, Device device) {
  // A rounding to 8 significant bits is off by up to 2^-9, relative. A value of a single op is
  // rounded once. A gradient may be a sum of rounded ones, of a rounded gradient of a value that
  // was rounded: samples that call two ops have up to four roundings. f32's own errors are 2^-17
  // beside that.
  constexpr double value_limit = 0x1p-8, gradient_limit = 0x1p-7;
  for (const OpSample& sample : op.samples) {
    SCOPED_TRACE(sample.name);
    if (sample.ill_conditioned) continue;  // leaves no digits in f32 already
    const std::vector<Role> roles = roles_of(op, sample);
    std::vector<Tensor> leaves;
    for (const Tensor& x : sample.inputs(0)) {
      const bool exact = roles.at(leaves.size()) == Role::parameter;
      leaves.push_back(require_grad(exact ? x.to(Dtype::f32).to(Dtype::f64) : rounded(x)));
    }
    const std::vector<Tensor> right = results_of(sample.call(leaves), leaves);
    const std::vector<Tensor> got = bf16_value_and_gradients(op, sample, device);
    ASSERT_EQ(got.size(), right.size());
    EXPECT_EQ(got[0].dtype(), op.name == "cast" ? Dtype::f32 : Dtype::bf16);
    double scale = 0;  // of all gradients: one may be truly zero
    for (size_t i = 1; i < right.size(); ++i) scale = std::max(scale, norm(right[i].to_doubles()));
    for (size_t i = 0; i < right.size(); ++i) {
      ASSERT_EQ(got[i].shape(), right[i].shape());
      const std::vector<double> a = got[i].to_doubles(), b = right[i].to_doubles();
      std::vector<double> off(a.size());
      for (size_t k = 0; k < a.size(); ++k) off[k] = a[k] - b[k];
      const double size = std::max(norm(b), i == 0 ? 0 : 1e-3 * scale);
      EXPECT_LE(norm(off), (i == 0 ? value_limit : gradient_limit) * size)
          << (i == 0 ? "value" : "gradient " + std::to_string(i - 1));
    }
  }
}

}  // namespace pixelgrad::testing

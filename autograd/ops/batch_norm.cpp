#include "autograd/ops/batch_norm.h"

#include "autograd/checkpoint.h"
#include "autograd/graph_internal.h"
#include "autograd/ops/checks_internal.h"
#include "autograd/ops/norm_internal.h"
#include "tensor/dispatch.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad {
namespace {

void check_batch_norm(const char* op, const NormInputs& in, const Tensor& mean,
                      const Tensor& variance, const BatchNormSpec& spec) {
  const Tensor& x = in.x;
  check_activation(op, "input", x);
  check(x.dims() >= 1 && x.numel() > 0, "[", op, "] input is ", x.shape(),
        ", expected channels last and at least one value");
  const Shape per_channel = {x.shape(-1)};
  check_norm_parameter(op, "gamma", in.gamma, per_channel, x);
  check_norm_parameter(op, "beta", in.beta, per_channel, x);
  check_norm_parameter(op, "running_mean", mean, per_channel, x);
  check_norm_parameter(op, "running_variance", variance, per_channel, x);
  check_norm_argument(op, "residual", in.residual, x.shape(), x);
  check(mean.defined() == variance.defined(), "[", op,
        "] expected both of running_mean and running_variance or neither");
  check(spec.training || mean.defined(), "[", op,
        "] evaluation needs running_mean and running_variance");
  check(spec.eps >= 0, "[", op, "] eps is ", spec.eps, ", expected at least 0");
}

Tensor norm_of_batch(const char* op, const NormInputs& in, Tensor running_mean,
                     Tensor running_variance, const BatchNormSpec& spec, Activation activation) {
  check_batch_norm(op, in, running_mean, running_variance, spec);
  const Tensor& x = in.x;
  const int64_t channels = x.shape(-1), pixels = x.numel() / channels;
  const kernels::NormGeometry g{.positions = pixels, .groups = channels};
  NormStatistics statistics;
  if (spec.training) {
    statistics = norm_statistics(g, x);
  } else {  // copies: the running statistics may move on before the backward
    const auto copy = [](const Tensor& t) {
      return t.dtype() == Dtype::f64 ? t.clone() : t.to(Dtype::f64);
    };
    statistics = {copy(running_mean), copy(running_variance), true};
    relies_on(running_mean);
    relies_on(running_variance);
  }
  if (running_mean && !recomputing() &&
      PIXELGRAD_MUTANT(batch_norm_updates_frozen_statistics, spec.training, true))
    dispatch(running_mean, [&]<Device D, class T>() {
      kernels::update_running_statistics<D, T>(
          channels, pixels, statistics.mean.data<double>(), statistics.variance.data<double>(),
          spec.momentum, running_mean.mutable_data<T>(), running_variance.mutable_data<T>());
    });
  return normalize(op,
                   {.g = g,
                    .statistics = statistics,
                    .eps = spec.eps,
                    .relu = activation == Activation::relu,
                    .recipe = true},
                   in);
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, Tensor running_mean,
                  Tensor running_variance, const BatchNormSpec& spec) {
  return norm_of_batch("batch_norm", {.x = x, .gamma = gamma, .beta = beta}, running_mean,
                       running_variance, spec, Activation::none);
}

Tensor batch_norm_act(const Tensor& x, const Tensor& gamma, const Tensor& beta, Tensor running_mean,
                      Tensor running_variance, const BatchNormSpec& spec, Activation activation,
                      const Tensor& residual) {
  return norm_of_batch("batch_norm_act",
                       {.x = x, .gamma = gamma, .beta = beta, .residual = residual}, running_mean,
                       running_variance, spec, activation);
}

}  // namespace pixelgrad

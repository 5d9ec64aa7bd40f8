#include "autograd/ops/batch_norm.h"

#include "autograd/ops/checks_internal.h"
#include "autograd/ops/norm_internal.h"
#include "tensor/dispatch.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad {
namespace {

void check_batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                      const Tensor& variance, const BatchNormSpec& spec) {
  check_floating("batch_norm", "input", x);
  check(x.dims() >= 1 && x.numel() > 0, "[batch_norm] input is ", x.shape(),
        ", expected channels last and at least one value");
  const Shape per_channel = {x.shape(-1)};
  check_norm_argument("batch_norm", "gamma", gamma, per_channel, x);
  check_norm_argument("batch_norm", "beta", beta, per_channel, x);
  check_norm_argument("batch_norm", "running_mean", mean, per_channel, x);
  check_norm_argument("batch_norm", "running_variance", variance, per_channel, x);
  check(mean.defined() == variance.defined(),
        "[batch_norm] expected both of running_mean and running_variance or neither");
  check(spec.training || mean.defined(),
        "[batch_norm] evaluation needs running_mean and running_variance");
  check(spec.eps >= 0, "[batch_norm] eps is ", spec.eps, ", expected at least 0");
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, Tensor running_mean,
                  Tensor running_variance, const BatchNormSpec& spec) {
  check_batch_norm(x, gamma, beta, running_mean, running_variance, spec);
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
  }
  if (running_mean && PIXELGRAD_MUTANT(batch_norm_updates_frozen_statistics, spec.training, true))
    dispatch(x, [&]<Device D, class T>() {
      kernels::update_running_statistics<D, T>(
          channels, pixels, statistics.mean.data<double>(), statistics.variance.data<double>(),
          spec.momentum, running_mean.mutable_data<T>(), running_variance.mutable_data<T>());
    });
  return normalize("batch_norm", g, x, statistics, spec.eps, gamma, beta);
}

}  // namespace pixelgrad

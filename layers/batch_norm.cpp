#include "layers/batch_norm.h"

#include "autograd/checkpoint.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/elementary.h"

namespace pixelgrad {

BatchNorm2d::BatchNorm2d(Options options) : options_(options) {
  const auto& o = options_;
  check<UsageError>(o.channels >= 1, "[batch_norm] channels is ", o.channels,
                    ", expected at least 1");
  check<UsageError>(o.eps >= 0, "[batch_norm] eps is ", o.eps, ", expected 0 or more");
  check<UsageError>(o.momentum >= 0 && o.momentum <= 1, "[batch_norm] momentum is ", o.momentum,
                    ", expected 0 to 1");
  weight_ = param("weight", Tensor::full({o.channels}, 1, Dtype::f32));
  bias_ = param("bias", Tensor::zeros({o.channels}, Dtype::f32));
  running_mean_ = buffer("running_mean", Tensor::zeros({o.channels}, Dtype::f32));
  running_var_ = buffer("running_var", Tensor::full({o.channels}, 1, Dtype::f32));
  num_batches_tracked_ = buffer("num_batches_tracked", Tensor::zeros({}, Dtype::i64));
}

BatchNormSpec BatchNorm2d::next_spec() {
  const bool training = takes_statistics();
  if (training && !recomputing()) ++num_batches_tracked_.mutable_data<int64_t>()[0];
  return {.momentum = options_.momentum, .eps = options_.eps, .training = training};
}

Tensor BatchNorm2d::forward(const Tensor& x) {
  return batch_norm(x, weight_, bias_, running_mean_, running_var_, next_spec());
}

Tensor BatchNorm2d::forward(const Tensor& x, Activation activation, const Tensor& residual) {
  return batch_norm_act(x, weight_, bias_, running_mean_, running_var_, next_spec(), activation,
                        residual);
}

BatchNorm2d::Affine BatchNorm2d::affine() const {
  const NoGrad no_grad;
  const auto precise = [](const Tensor& t) { return t.to(Dtype::f64); };
  const Tensor scale = div(precise(weight_), sqrt(precise(running_var_) + options_.eps));
  return {scale, sub(precise(bias_), mul(precise(running_mean_), scale))};
}

std::string BatchNorm2d::describe() const {
  return str("BatchNorm2d(", options_.channels, options_.frozen ? ", frozen)" : ")");
}

}  // namespace pixelgrad

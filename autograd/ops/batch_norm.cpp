#include "autograd/ops/batch_norm.h"

#include "autograd/ops/checks_internal.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/batch_norm.h"

namespace pixelgrad {
namespace {

void check_per_channel(const char* name, const Tensor& t, const Tensor& x) {
  if (!t.defined()) return;
  check(t.dims() == 1 && t.shape(0) == x.shape(-1), "[batch_norm] ", name, " is ", t.shape(),
        ", expected [", x.shape(-1), "] (input ", x.shape(), ")");
  check_same_kind("batch_norm", "input", x, name, t);
}

void check_batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                      const Tensor& variance, const BatchNormSpec& spec) {
  check_floating("batch_norm", "input", x);
  check(x.dims() >= 1 && x.numel() > 0, "[batch_norm] input is ", x.shape(),
        ", expected channels last and at least one value");
  check_per_channel("gamma", gamma, x);
  check_per_channel("beta", beta, x);
  check_per_channel("running_mean", mean, x);
  check_per_channel("running_variance", variance, x);
  check(mean.defined() == variance.defined(),
        "[batch_norm] expected both of running_mean and running_variance or neither");
  check(spec.training || mean.defined(),
        "[batch_norm] evaluation needs running_mean and running_variance");
  check(spec.eps >= 0, "[batch_norm] eps is ", spec.eps, ", expected at least 0");
}

template <class T>
const T* data_or_null(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, Tensor running_mean,
                  Tensor running_variance, const BatchNormSpec& spec) {
  check_batch_norm(x, gamma, beta, running_mean, running_variance, spec);
  const int64_t channels = x.shape(-1), pixels = x.numel() / channels;
  Tensor mean, variance;
  if (spec.training) {
    mean = Tensor::empty({channels}, Dtype::f64, x.device());
    variance = Tensor::empty({channels}, Dtype::f64, x.device());
  } else {  // copies: the running statistics may move on before the backward
    mean = running_mean.dtype() == Dtype::f64 ? running_mean.clone() : running_mean.to(Dtype::f64);
    variance = running_variance.dtype() == Dtype::f64 ? running_variance.clone()
                                                      : running_variance.to(Dtype::f64);
  }
  Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    if (spec.training) {
      kernels::batch_norm_statistics<D, T>(pixels, channels, x.data<T>(),
                                           mean.mutable_data<double>(),
                                           variance.mutable_data<double>());
      if (running_mean)
        kernels::batch_norm_update_running<D, T>(
            pixels, channels, mean.data<double>(), variance.data<double>(), spec.momentum,
            running_mean.mutable_data<T>(), running_variance.mutable_data<T>());
    }
    kernels::batch_norm_normalize<D, T>(pixels, channels, x.data<T>(), mean.data<double>(),
                                        variance.data<double>(), spec.eps, data_or_null<T>(gamma),
                                        data_or_null<T>(beta), y.mutable_data<T>());
  });
  // With xhat = (x - mean) / sqrt(variance + eps) and n pixels:
  //   dbeta = sum dy,  dgamma = sum dy xhat
  //   dx = gamma / sqrt(variance + eps) (dy - dbeta / n - xhat dgamma / n)
  // and without the last two terms in evaluation, where mean and variance do not depend on x.
  const bool dx_wanted = needs_grad(x);
  const bool sums_wanted = needs_grad(gamma) || needs_grad(beta) || (dx_wanted && spec.training);
  return record("batch_norm", y, {x, gamma, beta},
                [x = x.detach(), gamma = gamma ? gamma.detach() : gamma, has_beta = beta.defined(),
                 mean, variance, pixels, channels, eps = spec.eps, training = spec.training,
                 dx_wanted, sums_wanted](const Tensor& dy) -> Grads {
                  Tensor dx, dgamma, dbeta;
                  dispatch(x, [&]<Device D, class T>() {
                    if (sums_wanted) {
                      dgamma = Tensor::empty({channels}, Dtype::f64, x.device());
                      dbeta = Tensor::empty({channels}, Dtype::f64, x.device());
                      kernels::batch_norm_backward_sums<D, T>(
                          pixels, channels, x.data<T>(), dy.data<T>(), mean.data<double>(),
                          variance.data<double>(), eps, dgamma.mutable_data<double>(),
                          dbeta.mutable_data<double>());
                    }
                    if (dx_wanted) {
                      dx = Tensor::empty(x.shape(), x.dtype(), x.device());
                      kernels::batch_norm_backward_input<D, T>(
                          pixels, channels, x.data<T>(), dy.data<T>(), mean.data<double>(),
                          variance.data<double>(), eps, data_or_null<T>(gamma),
                          training ? dgamma.data<double>() : nullptr,
                          training ? dbeta.data<double>() : nullptr, dx.mutable_data<T>());
                    }
                  });
                  return {dx, gamma && dgamma ? dgamma.to(x.dtype()) : Tensor(),
                          has_beta && dbeta ? dbeta.to(x.dtype()) : Tensor()};
                });
}

}  // namespace pixelgrad

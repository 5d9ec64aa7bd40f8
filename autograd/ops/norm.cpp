#include "autograd/ops/checks_internal.h"
#include "autograd/ops/norm_internal.h"
#include "tensor/dispatch.h"

namespace pixelgrad {
namespace {

template <class T>
const T* data_or_null(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}

}  // namespace

void check_norm_argument(const char* op, const char* name, const Tensor& t, const Shape& expected,
                         const Tensor& x) {
  if (!t.defined()) return;
  check(t.shape() == expected, "[", op, "] ", name, " is ", t.shape(), ", expected ", expected,
        " (input ", x.shape(), ")");
  check_same_kind(op, "input", x, name, t);
}

NormStatistics norm_statistics(const kernels::NormGeometry& g, const Tensor& x) {
  NormStatistics s{Tensor::empty({g.samples, g.groups}, Dtype::f64, x.device()),
                   Tensor::empty({g.samples, g.groups}, Dtype::f64, x.device())};
  dispatch(x, [&]<Device D, class T>() {
    kernels::norm_statistics<D, T>(g, x.data<T>(), s.mean.mutable_data<double>(),
                                   s.variance.mutable_data<double>());
  });
  return s;
}

Tensor normalize(const char* op, const kernels::NormGeometry& g, const Tensor& x,
                 const NormStatistics& statistics, double eps, const Tensor& gamma,
                 const Tensor& beta) {
  Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::norm_apply<D, T>(g, x.data<T>(), statistics.mean.data<double>(),
                              statistics.variance.data<double>(), eps, data_or_null<T>(gamma),
                              data_or_null<T>(beta), y.mutable_data<T>());
  });
  // With xhat = (x - mean) / sqrt(variance + eps) and means over the values of a group:
  //   dbeta = sum dy,  dgamma = sum dy xhat
  //   dx = (gamma dy - mean(gamma dy) - xhat mean(gamma dy xhat)) / sqrt(variance + eps)
  // and without the two means where the statistics are constants. beta itself is not needed.
  return record(op, y, {x, gamma, beta},
                [g, x = x.detach(), statistics, eps, gamma = gamma ? gamma.detach() : gamma,
                 wanted = std::vector<bool>{needs_grad(x), needs_grad(gamma), needs_grad(beta)},
                 affine = gamma  ? gamma.shape()
                          : beta ? beta.shape()
                                 : Shape{}](const Tensor& dy) -> Grads {
                  const auto gradient = [&](size_t input, const Shape& shape) {
                    return wanted[input] ? Tensor::empty(shape, x.dtype(), x.device()) : Tensor();
                  };
                  Grads grads{gradient(0, x.shape()), gradient(1, affine), gradient(2, affine)};
                  dispatch(x, [&]<Device D, class T>() {
                    const auto out = [&](Tensor& t) { return t ? t.mutable_data<T>() : nullptr; };
                    kernels::norm_backward<D, T>(
                        g, x.data<T>(), dy.data<T>(), statistics.mean.data<double>(),
                        statistics.variance.data<double>(), eps, statistics.constant,
                        data_or_null<T>(gamma), out(grads[0]), out(grads[1]), out(grads[2]));
                  });
                  return grads;
                });
}

}  // namespace pixelgrad

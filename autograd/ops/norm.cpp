#include "autograd/ops/checks_internal.h"
#include "autograd/ops/norm_internal.h"
#include "autograd/saved.h"
#include "autograd/trace.h"
#include "tensor/dispatch.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad {
namespace {

template <class T>
const T* data_or_null(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}

template <class T>
kernels::NormArguments<T> arguments(const Norm& norm, const NormInputs& in) {
  return {.g = norm.g,
          .x = in.x.data<T>(),
          .mean = norm.statistics.mean.data<double>(),
          .variance = norm.statistics.variance.data<double>(),
          .constant_statistics = norm.statistics.constant,
          .eps = norm.eps,
          .gamma = data_or_null<compute_t<T>>(in.gamma),
          .beta = data_or_null<compute_t<T>>(in.beta),
          .residual = data_or_null<T>(in.residual),
          .relu = PIXELGRAD_MUTANT(batch_norm_act_no_relu_after_a_residual, norm.relu,
                                   norm.relu && !in.residual)};
}

Tensor value_of(const Norm& norm, const NormInputs& in) {
  Tensor y = Tensor::empty(in.x.shape(), in.x.dtype(), in.x.device());
  dispatch_activation(in.x, [&]<Device D, class T>() {
    kernels::norm_apply<D, T>(arguments<T>(norm, in), y.mutable_data<T>());
  });
  return y;
}

/// NormInputs, as a backward keeps them.
struct SavedInputs {
  explicit SavedInputs(const NormInputs& in)
      : x(in.x), gamma(in.gamma), beta(in.beta), residual(in.residual) {}
  NormInputs values() const {
    return {
        .x = x.value(), .gamma = gamma.value(), .beta = beta.value(), .residual = residual.value()};
  }
  SavedTensor x, gamma, beta, residual;
};

}  // namespace

void check_norm_argument(const char* op, const char* name, const Tensor& t, const Shape& expected,
                         const Tensor& x) {
  if (!t.defined()) return;
  check(t.shape() == expected, "[", op, "] ", name, " is ", t.shape(), ", expected ", expected,
        " (input ", x.shape(), ")");
  check_same_kind(op, "input", x, name, t);
}

void check_norm_parameter(const char* op, const char* name, const Tensor& t, const Shape& expected,
                          const Tensor& x) {
  if (x.dtype() != Dtype::bf16 || !t.defined())
    return check_norm_argument(op, name, t, expected, x);
  check(t.shape() == expected && t.dtype() == Dtype::f32 && t.device() == x.device(), "[", op, "] ",
        name, " is ", t.shape(), " of ", t.dtype(), " on ", t.device(), ", expected ", expected,
        " of f32 on ", x.device(), " (input ", x.shape(), " of bf16)");
}

NormStatistics norm_statistics(const kernels::NormGeometry& g, const Tensor& x) {
  NormStatistics s{Tensor::empty({g.samples, g.groups}, Dtype::f64, x.device()),
                   Tensor::empty({g.samples, g.groups}, Dtype::f64, x.device())};
  dispatch_activation(x, [&]<Device D, class T>() {
    kernels::norm_statistics<D, T>(g, x.data<T>(), s.mean.mutable_data<double>(),
                                   s.variance.mutable_data<double>());
  });
  return s;
}

Tensor normalize(const char* op, const Norm& norm, const NormInputs& in) {
  // With xhat = (x - mean) / sqrt(variance + eps), g = dy, where relu only where the value was not
  // cut off, and means over the values of a group:
  //   dresidual = g,  dbeta = sum g,  dgamma = sum g xhat
  //   dx = (gamma g - mean(gamma g) - xhat mean(gamma g xhat)) / sqrt(variance + eps)
  // and without the two means where the statistics are constants. beta and the residual only say
  // where the value was cut off.
  NormInputs read = in;
  if (!PIXELGRAD_MUTANT(batch_norm_act_cut_without_beta, norm.relu, false)) read.beta = {};
  if (!PIXELGRAD_MUTANT(batch_norm_act_cut_without_residual, norm.relu, false)) read.residual = {};
  const Shape affine = in.gamma ? in.gamma.shape() : in.beta ? in.beta.shape() : Shape{};
  if (!norm.statistics.constant)
    trace_window([] { return TraceWindow{{.whole = true}, {.whole = true}}; });
  const Tensor y = record(
      op, value_of(norm, in), {in.x, in.gamma, in.beta, in.residual},
      [norm, affine, saved = SavedInputs(read),
       wanted = std::vector<bool>{needs_grad(in.x), needs_grad(in.gamma), needs_grad(in.beta),
                                  needs_grad(in.residual)}](const Tensor& dy) -> Grads {
        const NormInputs values = saved.values();
        const bool cut =
            PIXELGRAD_MUTANT(batch_norm_act_residual_gradient_not_cut, norm.relu, false);
        Tensor dx, dgamma, dbeta, dresidual;
        const Dtype affine_dtype = compute_dtype(dy.dtype());
        if (wanted[1]) dgamma = Tensor::empty(affine, affine_dtype, dy.device());
        if (wanted[2]) dbeta = Tensor::empty(affine, affine_dtype, dy.device());
        if (wanted[3]) dresidual = cut ? Tensor::empty(dy.shape(), dy.dtype(), dy.device()) : dy;
        if (wanted[0]) dx = overwritable(dy);
        dispatch_activation(dy, [&]<Device D, class T>() {
          const auto out = [](Tensor& t) { return t ? t.mutable_data<T>() : nullptr; };
          const auto affine_out = [](Tensor& t) {
            return t ? t.mutable_data<compute_t<T>>() : nullptr;
          };
          kernels::norm_backward<D, T>(arguments<T>(norm, values), dy.data<T>(),
                                       {.dx = out(dx),
                                        .dgamma = affine_out(dgamma),
                                        .dbeta = affine_out(dbeta),
                                        .dresidual = cut ? out(dresidual) : nullptr});
        });
        return {dx, dgamma, dbeta, dresidual};
      });
  if (norm.recipe)
    set_recipe(op, y, {in.x, in.gamma, in.beta, in.residual},
               [norm, saved = SavedInputs(PIXELGRAD_MUTANT(
                          batch_norm_act_recipe_without_residual, in,
                          (NormInputs{.x = in.x, .gamma = in.gamma, .beta = in.beta})))] {
                 return value_of(norm, saved.values());
               });
  return y;
}

}  // namespace pixelgrad

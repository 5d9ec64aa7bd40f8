#include "autograd/ops/region_loss.h"

#include "autograd/ops/label_loss_internal.h"
#include "tensor/kernels/class_overlap.h"
#include "tensor/kernels/lovasz.h"
#include "tensor/kernels/region_loss.h"
#include "tensor/kernels/softmax.h"

namespace pixelgrad {
namespace {

Tensor softmax_of(const Tensor& logits) {
  Tensor p = Tensor::empty(logits.shape(), logits.dtype(), logits.device());
  const int64_t classes = logits.shape(-1);
  dispatch(logits, [&]<Device D, class T>() {
    kernels::softmax_forward<D, T>(logits.numel() / classes, classes, logits.data<T>(),
                                   p.mutable_data<T>());
  });
  return p;
}

void check_region(const char* op, const TverskyLossSpec& spec) {
  check(spec.smooth >= 0 && spec.eps > 0, "[", op, "] smooth is ", spec.smooth, " and eps ",
        spec.eps, ", expected at least 0 and more than 0");
  check(spec.alpha >= 0 && spec.beta >= 0, "[", op, "] alpha is ", spec.alpha, " and beta ",
        spec.beta, ", expected at least 0");
  check(spec.gamma > 0, "[", op, "] gamma is ", spec.gamma, ", expected more than 0");
}

Tensor region_loss(const char* op, const Tensor& logits, const Tensor& labels,
                   const TverskyLossSpec& spec) {
  const CheckedLabels checked =
      check_label_loss(op, logits, labels, spec.ignore_index, spec.class_weights);
  check_region(op, spec);
  const int64_t classes = checked.classes;
  Tensor p = softmax_of(logits);
  Tensor counts = Tensor::empty({3, classes}, Dtype::f64, logits.device());
  dispatch(logits, [&]<Device D, class T>() {
    double* overlap = counts.mutable_data<double>();
    kernels::class_overlap<D, T>(checked.view<T>(), p.data<T>(), overlap, overlap + classes,
                                 overlap + 2 * classes);
  });

  Tensor loss = Tensor::empty({}, logits.dtype(), logits.device());
  Tensor by_counts = Tensor::empty({2, classes}, Dtype::f64, logits.device());
  const kernels::TverskyRule rule{.alpha = spec.alpha,
                                  .beta = spec.beta,
                                  .smooth = spec.smooth,
                                  .eps = spec.eps,
                                  .gamma = spec.gamma,
                                  .log_loss = spec.log_loss,
                                  .mean_over_all = spec.mean_over == ClassMean::all};
  dispatch(logits, [&]<Device D, class T>() {
    kernels::tversky_loss<D, T>(rule, classes, checked.view<T>().class_weights,
                                counts.data<double>(), loss.mutable_data<T>(),
                                by_counts.mutable_data<double>());
  });
  if (!grad_enabled() || !needs_grad(logits)) return record_loss(op, loss, logits, {});
  dispatch(logits, [&]<Device D, class T>() {
    const double* by_overlap = by_counts.data<double>();
    T* values = p.mutable_data<T>();
    kernels::class_overlap_backward<D, T>(checked.view<T>(), values, by_overlap,
                                          by_overlap + classes, values);
  });
  return record_loss(op, loss, logits, p);
}

TverskyLossSpec with_costs(const RegionLossSpec& spec, double cost) {
  return {.ignore_index = spec.ignore_index,
          .class_weights = spec.class_weights,
          .mean_over = spec.mean_over,
          .log_loss = spec.log_loss,
          .smooth = spec.smooth,
          .eps = spec.eps,
          .alpha = cost,
          .beta = cost};
}

}  // namespace

Tensor dice_loss(const Tensor& logits, const Tensor& labels, const RegionLossSpec& spec) {
  return region_loss("dice_loss", logits, labels, with_costs(spec, 0.5));
}

Tensor jaccard_loss(const Tensor& logits, const Tensor& labels, const RegionLossSpec& spec) {
  return region_loss("jaccard_loss", logits, labels, with_costs(spec, 1));
}

Tensor tversky_loss(const Tensor& logits, const Tensor& labels, const TverskyLossSpec& spec) {
  return region_loss("tversky_loss", logits, labels, spec);
}

Tensor lovasz_softmax(const Tensor& logits, const Tensor& labels, const LovaszSoftmaxSpec& spec) {
  const CheckedLabels checked =
      check_label_loss("lovasz_softmax", logits, labels, spec.ignore_index, spec.class_weights);
  check(!spec.per_image || logits.dims() >= 2, "[lovasz_softmax] per_image needs images [N,...,K],",
        " got logits ", logits.shape());
  const int64_t images = spec.per_image ? logits.shape(0) : 1;
  const Tensor p = softmax_of(logits);
  Tensor loss = Tensor::empty({}, logits.dtype(), logits.device());
  Tensor dlogits = gradient_buffer(logits);
  dispatch(logits, [&]<Device D, class T>() {
    kernels::lovasz_softmax<D, T>(checked.view<T>(), images, spec.mean_over == ClassMean::present,
                                  p.data<T>(), loss.mutable_data<T>(),
                                  mutable_data_or_null<T>(dlogits));
  });
  return record_loss("lovasz_softmax", loss, logits, dlogits);
}

}  // namespace pixelgrad

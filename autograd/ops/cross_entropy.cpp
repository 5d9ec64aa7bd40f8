#include "autograd/ops/cross_entropy.h"

#include "autograd/ops/label_loss_internal.h"
#include "tensor/kernels/cross_entropy.h"

namespace pixelgrad {
namespace {

/// Cross entropy of labels that were checked.
Tensor mean_cross_entropy(const char* op, const Tensor& logits, const CheckedLabels& labels,
                          double smoothing) {
  Tensor loss = Tensor::empty({}, logits.dtype(), logits.device());
  Tensor dlogits = gradient_buffer(logits);
  dispatch(logits, [&]<Device D, class T>() {
    kernels::cross_entropy<D, T>(labels.view<T>(), smoothing, logits.data<T>(),
                                 loss.mutable_data<T>(), mutable_data_or_null<T>(dlogits));
  });
  return record_loss(op, loss, logits, dlogits);
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& labels, const CrossEntropySpec& spec) {
  const CheckedLabels checked =
      check_label_loss("cross_entropy", logits, labels, spec.ignore_index, spec.class_weights);
  check(spec.label_smoothing >= 0 && spec.label_smoothing <= 1,
        "[cross_entropy] label_smoothing is ", spec.label_smoothing, ", expected 0 to 1");
  return mean_cross_entropy("cross_entropy", logits, checked, spec.label_smoothing);
}

Tensor focal_loss(const Tensor& logits, const Tensor& labels, const FocalLossSpec& spec) {
  const CheckedLabels checked =
      check_label_loss("focal_loss", logits, labels, spec.ignore_index, spec.class_weights);
  check(spec.gamma >= 0, "[focal_loss] gamma is ", spec.gamma, ", expected at least 0");
  Tensor loss = Tensor::empty({}, logits.dtype(), logits.device());
  Tensor dlogits = gradient_buffer(logits);
  dispatch(logits, [&]<Device D, class T>() {
    kernels::focal_loss<D, T>(checked.view<T>(), spec.gamma, logits.data<T>(),
                              loss.mutable_data<T>(), mutable_data_or_null<T>(dlogits));
  });
  return record_loss("focal_loss", loss, logits, dlogits);
}

// The easy pixels become ignored ones: what remains is a cross entropy.
Tensor ohem_cross_entropy(const Tensor& logits, const Tensor& labels, const OhemSpec& spec) {
  CheckedLabels checked =
      check_label_loss("ohem_cross_entropy", logits, labels, spec.ignore_index, spec.class_weights);
  check(spec.threshold >= 0 && spec.threshold <= 1, "[ohem_cross_entropy] threshold is ",
        spec.threshold, ", expected 0 to 1");
  check(spec.min_kept >= 0, "[ohem_cross_entropy] min_kept is ", spec.min_kept,
        ", expected at least 0");
  Tensor kept = Tensor::empty(labels.shape(), Dtype::i32, labels.device());
  dispatch(logits, [&]<Device D, class T>() {
    kernels::keep_hard_pixels<D, T>(checked.view<T>(), logits.data<T>(), spec.threshold,
                                    spec.min_kept, kept.mutable_data<int32_t>());
  });
  checked.labels = kept;
  return mean_cross_entropy("ohem_cross_entropy", logits, checked, 0);
}

}  // namespace pixelgrad

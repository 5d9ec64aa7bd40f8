#include "autograd/ops/binary_cross_entropy.h"

#include "autograd/ops/checks_internal.h"
#include "autograd/ops/label_loss_internal.h"
#include "tensor/kernels/binary_cross_entropy.h"

namespace pixelgrad {

Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& labels,
                                        const BinaryCrossEntropySpec& spec) {
  const char* op = "binary_cross_entropy_with_logits";
  check_floating(op, "logits", logits);
  check(logits.dims() >= 1 && logits.shape(-1) >= 1, "[", op, "] logits are ", logits.shape(),
        ", expected channels in the last dimension");
  const int64_t channels = logits.shape(-1);
  Shape expected = logits.shape();
  if (channels == 1 && labels.defined() && labels.dims() + 1 == logits.dims()) expected.pop_back();
  const CheckedLabels checked =
      check_labels(op, logits, labels, expected, /*classes=*/2, spec.ignore_index);
  if (spec.pos_weight.defined()) {
    check(spec.pos_weight.shape() == Shape{channels}, "[", op, "] pos_weight is ",
          spec.pos_weight.shape(), ", expected [", channels, "] (logits ", logits.shape(), ")");
    check_same_kind(op, "logits", logits, "pos_weight", spec.pos_weight);
  }
  Tensor loss = Tensor::empty({}, logits.dtype(), logits.device());
  Tensor dlogits = gradient_buffer(logits);
  dispatch(logits, [&]<Device D, class T>() {
    const T* pos_weight = spec.pos_weight ? spec.pos_weight.template data<T>() : nullptr;
    kernels::binary_cross_entropy<D, T>(checked.view<T>(), channels, logits.data<T>(), pos_weight,
                                        loss.mutable_data<T>(), mutable_data_or_null<T>(dlogits));
  });
  return record_loss(op, loss, logits, dlogits);
}

}  // namespace pixelgrad

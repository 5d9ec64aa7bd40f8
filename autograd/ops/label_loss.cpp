#include "autograd/ops/checks_internal.h"
#include "autograd/ops/label_loss_internal.h"
#include "autograd/ops/trusted_labels.h"

namespace pixelgrad {
namespace {

thread_local bool trusted = false;

/// [n, y, x] of an element, from its position in memory.
Shape coordinates(const Shape& shape, int64_t at) {
  Shape index(shape.size());
  for (size_t d = shape.size(); d-- > 0; at /= shape[d]) index[d] = at % shape[d];
  return index;
}

}  // namespace

TrustedLabels::TrustedLabels() : previous_(trusted) { trusted = true; }
TrustedLabels::~TrustedLabels() { trusted = previous_; }

CheckedLabels check_labels(const char* op, const Tensor& logits, const Tensor& labels,
                           const Shape& expected, int64_t classes, int32_t ignore_index) {
  check(labels.defined() && labels.dtype() == Dtype::i32, "[", op, "] labels hold ",
        labels.defined() ? name_of(labels.dtype()) : "nothing", ", expected i32");
  check(labels.shape() == expected, "[", op, "] labels are ", labels.shape(), ", expected ",
        expected, " (logits ", logits.shape(), ")");
  check(labels.device() == logits.device(), "[", op, "] labels lie on ", labels.device(),
        ", the logits on ", logits.device());
  CheckedLabels checked{labels, {}, classes, ignore_index};
  if (trusted) return checked;
  const int64_t bad = dispatch(logits, [&]<Device D, class T>() {
    return kernels::find_bad_label<D, T>(checked.view<T>());
  });
  if (bad >= 0)
    throw DataError(str("[", op, "] label ", labels.to_doubles()[static_cast<size_t>(bad)], " at ",
                        coordinates(labels.shape(), bad), " of labels ", labels.shape(),
                        ", expected 0 to ", classes - 1, " or ignore_index ", ignore_index));
  return checked;
}

CheckedLabels check_label_loss(const char* op, const Tensor& logits, const Tensor& labels,
                               int32_t ignore_index, const Tensor& class_weights) {
  check_floating(op, "logits", logits);
  Shape expected = logits.shape();
  check(!expected.empty() && expected.back() >= 1, "[", op, "] logits are ", logits.shape(),
        ", expected classes in the last dimension");
  const int64_t classes = expected.back();
  expected.pop_back();
  if (class_weights.defined()) {
    check(class_weights.shape() == Shape{classes}, "[", op, "] class_weights are ",
          class_weights.shape(), ", expected [", classes, "] (logits ", logits.shape(), ")");
    check_same_kind(op, "logits", logits, "class_weights", class_weights);
  }
  CheckedLabels checked = check_labels(op, logits, labels, expected, classes, ignore_index);
  checked.class_weights = class_weights;
  return checked;
}

}  // namespace pixelgrad

#include "autograd/ops/cross_entropy.h"

#include "autograd/ops/checks_internal.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/loss.h"

namespace pixelgrad {
namespace {

kernels::CrossEntropyGeometry cross_entropy_geometry(const Tensor& logits, const Tensor& labels,
                                                     const CrossEntropySpec& spec) {
  check_floating("cross_entropy", "logits", logits);
  check(labels.defined() && labels.dtype() == Dtype::i32, "[cross_entropy] labels hold ",
        labels.defined() ? name_of(labels.dtype()) : "nothing", ", expected i32");
  Shape expected = logits.shape();
  check(!expected.empty() && expected.back() >= 1, "[cross_entropy] logits are ", logits.shape(),
        ", expected classes in the last dimension");
  expected.pop_back();
  check(labels.shape() == expected, "[cross_entropy] labels are ", labels.shape(), ", expected ",
        expected, " (logits ", logits.shape(), ")");
  check(labels.device() == logits.device(), "[cross_entropy] labels lie on ", labels.device(),
        ", the logits on ", logits.device());
  check(spec.label_smoothing >= 0 && spec.label_smoothing <= 1,
        "[cross_entropy] label_smoothing is ", spec.label_smoothing, ", expected 0 to 1");
  if (const Tensor& w = spec.class_weights; w.defined()) {
    check(w.shape() == Shape{logits.shape(-1)}, "[cross_entropy] class_weights are ", w.shape(),
          ", expected [", logits.shape(-1), "] (logits ", logits.shape(), ")");
    check_same_kind("cross_entropy", "logits", logits, "class_weights", w);
  }
  return {.pixels = labels.numel(),
          .classes = logits.shape(-1),
          .ignore_index = spec.ignore_index,
          .label_smoothing = spec.label_smoothing};
}

/// [n, y, x] of an element, from its position in memory.
Shape coordinates(const Shape& shape, int64_t at) {
  Shape index(shape.size());
  for (size_t d = shape.size(); d-- > 0; at /= shape[d]) index[d] = at % shape[d];
  return index;
}

void check_labels(const kernels::CrossEntropyGeometry& g, const Tensor& labels) {
  const int64_t bad = dispatch_device(labels.device(), [&]<Device D>() {
    return kernels::find_bad_label<D>(g, labels.data<int32_t>());
  });
  if (bad < 0) return;
  throw DataError(str("[cross_entropy] label ", labels.to_doubles()[static_cast<size_t>(bad)],
                      " at ", coordinates(labels.shape(), bad), " of labels ", labels.shape(),
                      ", expected 0 to ", g.classes - 1, " or ignore_index ", g.ignore_index));
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& labels, const CrossEntropySpec& spec) {
  const auto g = cross_entropy_geometry(logits, labels, spec);
  check_labels(g, labels);
  Tensor loss = Tensor::empty({}, logits.dtype(), logits.device());
  Tensor dlogits;  // for a dloss of 1
  if (grad_enabled() && needs_grad(logits))
    dlogits = Tensor::empty(logits.shape(), logits.dtype(), logits.device());
  dispatch(logits, [&]<Device D, class T>() {
    kernels::cross_entropy<D, T>(
        g, logits.data<T>(), labels.data<int32_t>(),
        spec.class_weights ? spec.class_weights.template data<T>() : nullptr,
        loss.mutable_data<T>(), dlogits ? dlogits.mutable_data<T>() : nullptr);
  });
  return record("cross_entropy", loss, {logits}, [dlogits](const Tensor& dloss) mutable -> Grads {
    dispatch(dlogits, [&]<Device D, class T>() {
      T* values = dlogits.mutable_data<T>();
      kernels::scale_by<D, T>(dlogits.numel(), values, dloss.data<T>(), values);
    });
    return {std::move(dlogits)};
  });
}

}  // namespace pixelgrad

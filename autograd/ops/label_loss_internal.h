#pragma once
#include "autograd/graph.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/pixel_labels.h"

// What the losses on labels share: one check of their arguments, one meaning of ignore_index and
// class weights (tensor/kernels/pixel_labels.h), one way to hand their gradient on.
namespace pixelgrad {

/// Labels that fit their logits. Made by check_labels or check_label_loss.
struct CheckedLabels {
  Tensor labels;         // i32, valid
  Tensor class_weights;  // [classes], or undefined
  int64_t classes = 1;
  int32_t ignore_index = 255;

  /// How a kernel reads them.
  template <class T>
  kernels::PixelLabels<T> view() const {
    return {.pixels = labels.numel(),
            .classes = classes,
            .ignore_index = ignore_index,
            .labels = labels.data<int32_t>(),
            .class_weights = class_weights ? class_weights.data<T>() : nullptr};
  }
};

/// Throws Error unless `labels` are i32 of the shape `expected` beside the logits, DataError,
/// naming the pixel, for a label that is neither ignore_index nor in [0, classes), unless they are
/// trusted (trusted_labels.h).
CheckedLabels check_labels(const char* op, const Tensor& logits, const Tensor& labels,
                           const Shape& expected, int64_t classes, int32_t ignore_index);

/// The same for logits [...,K] with labels [...] in K classes; class_weights must be undefined or
/// [K] of the logits' dtype.
CheckedLabels check_label_loss(const char* op, const Tensor& logits, const Tensor& labels,
                               int32_t ignore_index, const Tensor& class_weights);

/// Where a loss computes its gradient along with its value: an empty tensor for it, undefined where
/// nobody will ask.
inline Tensor gradient_buffer(const Tensor& x) {
  return grad_enabled() && needs_grad(x) ? Tensor::empty(x.shape(), x.dtype(), x.device())
                                         : Tensor();
}

/// The values to write, or null where `t` is undefined.
template <class T>
T* mutable_data_or_null(Tensor& t) {
  return t ? t.mutable_data<T>() : nullptr;
}

/// Records `loss` of x, whose gradient for a dloss of 1 is `dx`: what is kept is dx.
inline Tensor record_loss(const char* op, const Tensor& loss, const Tensor& x, Tensor dx) {
  return record(op, loss, {x}, [dx = std::move(dx)](const Tensor& dloss) mutable -> Grads {
    dispatch(dx, [&]<Device D, class T>() {
      T* values = dx.mutable_data<T>();
      kernels::scale_by<D, T>(dx.numel(), values, dloss.data<T>(), values);
    });
    return {std::move(dx)};
  });
}

}  // namespace pixelgrad

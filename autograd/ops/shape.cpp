#include "autograd/ops/shape.h"

#include "autograd/ops/checks_internal.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/concat.h"

namespace pixelgrad {

Tensor reshape(const Tensor& x, const Shape& shape) {
  check(numel(shape) == x.numel(), "[reshape] a tensor ", x.shape(), " of ", x.numel(),
        " elements cannot take the shape ", shape);
  return record("reshape", x.view(shape), {x},
                [from = x.shape()](const Tensor& dy) -> Grads { return {dy.view(from)}; });
}

Tensor crop2d(const Tensor& x, int64_t top, int64_t left, int64_t height, int64_t width) {
  check_image("crop2d", x);
  const int64_t n = x.shape(0), in_h = x.shape(1), in_w = x.shape(2), channels = x.shape(3);
  check(top >= 0 && left >= 0 && height >= 1 && width >= 1 && top + height <= in_h &&
            left + width <= in_w,
        "[crop2d] window of ", height, " x ", width, " at (", top, ", ", left,
        ") does not lie inside the input ", x.shape());
  const int64_t whole = in_w * channels, part = width * channels;  // values of a row
  const int64_t start = top * whole + left * channels;
  Tensor y = Tensor::empty({n, height, width, channels}, x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    for (int64_t i = 0; i < n; ++i)
      kernels::copy_rows<D, T>(height, part, x.data<T>() + i * in_h * whole + start, whole,
                               y.mutable_data<T>() + i * height * part, part);
  });
  return record(
      "crop2d", y, {x}, [shape = x.shape(), height, whole, part, start](const Tensor& dy) -> Grads {
        Tensor dx = Tensor::zeros(shape, dy.dtype(), dy.device());
        dispatch(dy, [&]<Device D, class T>() {
          for (int64_t i = 0; i < shape[0]; ++i)
            kernels::copy_rows<D, T>(height, part, dy.data<T>() + i * height * part, part,
                                     dx.mutable_data<T>() + i * shape[1] * whole + start, whole);
        });
        return {dx};
      });
}

Tensor center_crop2d(const Tensor& x, int64_t height, int64_t width) {
  check_image("crop2d", x);
  return crop2d(x, (x.shape(1) - height) / 2, (x.shape(2) - width) / 2, height, width);
}

}  // namespace pixelgrad

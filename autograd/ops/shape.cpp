#include "autograd/ops/shape.h"

#include "autograd/ops/checks_internal.h"
#include "autograd/trace.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/copy.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad {
namespace {

using kernels::StridedCopy;

/// What `copy` takes from x, beginning `offset` values behind its start. The backward copies the
/// other way; where something of x was left out its gradient is 0.
Tensor taken(const char* op, const Tensor& x, Shape shape, const StridedCopy& copy,
             int64_t offset = 0) {
  Tensor y = Tensor::empty(std::move(shape), x.dtype(), x.device());
  dispatch_activation(x, [&]<Device D, class T>() {
    kernels::copy_strided<D, T>(copy, x.data<T>() + offset, y.mutable_data<T>());
  });
  const bool all = y.numel() == x.numel();
  return record(op, y, {x}, [shape = x.shape(), copy, offset, all](const Tensor& dy) -> Grads {
    Tensor dx = all ? Tensor::empty(shape, dy.dtype(), dy.device())
                    : Tensor::zeros(shape, dy.dtype(), dy.device());
    const int64_t at = PIXELGRAD_MUTANT(slice_backward_to_the_start, offset, 0);
    dispatch_activation(dy, [&]<Device D, class T>() {
      kernels::copy_strided<D, T>(copy.reversed(), dy.data<T>(), dx.mutable_data<T>() + at);
    });
    return {dx};
  });
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  check(x.defined(), "[reshape] input is undefined");
  check(numel(shape) == x.numel(), "[reshape] a tensor ", x.shape(), " of ", x.numel(),
        " elements cannot take the shape ", shape);
  return record("reshape", x.view(shape), {x},
                [from = x.shape()](const Tensor& dy) -> Grads { return {dy.view(from)}; });
}

Tensor permute(const Tensor& x, const std::vector<int>& axes) {
  check_activation("permute", "input", x);
  const size_t dims = axes.size();
  check(static_cast<int>(dims) == x.dims() && dims <= StridedCopy::max_dims, "[permute] got ", dims,
        " axes for ", x.shape(), ", expected one for each dimension, at most ",
        StridedCopy::max_dims);
  std::vector<size_t> source(dims), target(dims, dims);  // of each dimension of the result, of x
  for (size_t k = 0; k < dims; ++k) {
    source[k] = checked_axis("permute", axes[k], x);
    check(target[source[k]] == dims, "[permute] axis ", axes[k], " is named twice (input ",
          x.shape(), ")");
    target[source[k]] = k;
  }
  const std::vector<size_t>& from = PIXELGRAD_MUTANT(permute_by_the_inverse, source, target);
  std::vector<int64_t> steps(dims, 1);  // values from one element of x to the next
  for (size_t k = dims; k-- > 1;) steps[k - 1] = steps[k] * x.shape()[k];
  Shape shape;
  for (size_t k : from) shape.push_back(x.shape()[k]);
  StridedCopy copy;
  int64_t step = 1;  // and of y
  for (size_t k = dims; k-- > 0; step *= shape[k]) copy.add(shape[k], steps[from[k]], step);
  return taken("permute", x, shape, copy);
}

Tensor slice(const Tensor& x, int axis, int64_t start, int64_t stop, int64_t step) {
  check_activation("slice", "input", x);
  const size_t at = checked_axis("slice", axis, x);
  Shape shape = x.shape();
  const int64_t size = shape[at];
  const int64_t begin = start < 0 ? start + size : start, end = stop < 0 ? stop + size : stop;
  check(step >= 1, "[slice] step is ", step, ", expected at least 1");
  check(begin >= 0 && begin < end && end <= size, "[slice] from ", start, " to ", stop, " of axis ",
        at, " of ", x.shape(), ", expected a range inside 0 to ", size, " with at least one index");
  shape[at] = (end - begin + step - 1) / step;
  const int64_t outer = numel(Shape(shape.begin(), shape.begin() + static_cast<int64_t>(at)));
  const int64_t inner = numel(Shape(shape.begin() + static_cast<int64_t>(at) + 1, shape.end()));
  StridedCopy copy;
  copy.add(outer, size * inner, shape[at] * inner);
  copy.add(shape[at], step * inner, inner);
  copy.add(inner, 1, 1);
  return taken("slice", x, shape, copy, begin * inner);
}

Tensor crop2d(const Tensor& x, int64_t top, int64_t left, int64_t height, int64_t width) {
  check_image("crop2d", x);
  const int64_t n = x.shape(0), in_h = x.shape(1), in_w = x.shape(2), channels = x.shape(3);
  check(top >= 0 && left >= 0 && height >= 1 && width >= 1 && top + height <= in_h &&
            left + width <= in_w,
        "[crop2d] window of ", height, " x ", width, " at (", top, ", ", left,
        ") does not lie inside the input ", x.shape());
  StridedCopy copy;
  copy.add(n, in_h * in_w * channels, height * width * channels);
  copy.add(height, in_w * channels, width * channels);
  copy.add(width * channels, 1, 1);
  const auto from = [](int64_t first) -> TraceAxis {
    return {.reads = [first](int64_t out) -> PixelRange { return {first + out, first + out}; }};
  };
  trace_window([&] { return TraceWindow{from(top), from(left)}; });
  return taken("crop2d", x, {n, height, width, channels}, copy, (top * in_w + left) * channels);
}

Tensor center_crop2d(const Tensor& x, int64_t height, int64_t width) {
  check_image("crop2d", x);
  return crop2d(x, (x.shape(1) - height) / 2, (x.shape(2) - width) / 2, height, width);
}

Tensor pixel_shuffle(const Tensor& x, int64_t upscale_factor) {
  check_image("pixel_shuffle", x);
  const int64_t r = upscale_factor;
  check(r >= 1, "[pixel_shuffle] upscale_factor is ", r, ", expected at least 1");
  const int64_t n = x.shape(0), h = x.shape(1), w = x.shape(2), deep = x.shape(3);
  check(deep % (r * r) == 0, "[pixel_shuffle] ", deep, " channels cannot be cut into blocks of ", r,
        " x ", r, " = ", r * r, " (input ", x.shape(), ")");
  const int64_t channels = deep / (r * r);
  // Values from one i, j and c to the next among the channels of x.
  const int64_t step_i = PIXELGRAD_MUTANT(pixel_shuffle_as_depth_to_space, r, r * channels);
  const int64_t step_j = PIXELGRAD_MUTANT(pixel_shuffle_as_depth_to_space, 1, channels);
  const int64_t step_c = PIXELGRAD_MUTANT(pixel_shuffle_as_depth_to_space, r * r, 1);
  StridedCopy copy;
  copy.add(n * h, w * deep, r * w * r * channels);
  copy.add(r, step_i, w * r * channels);
  copy.add(w, deep, r * channels);
  copy.add(r, step_j, channels);
  copy.add(channels, step_c, 1);
  trace_window([r] {
    const TraceAxis axis{.step = 1.0 / r, .reads = [r](int64_t out) -> PixelRange {
                           return {out / r, out / r};
                         }};
    return TraceWindow{axis, axis};
  });
  return taken("pixel_shuffle", x, {n, h * r, w * r, channels}, copy);
}

}  // namespace pixelgrad

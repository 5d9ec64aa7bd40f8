#include "apps/engine/inference.h"

#include <algorithm>
#include <cstring>

#include "data/image.h"
#include "layers/evaluation_scope.h"
#include "tensor/dispatch.h"
#include "tensor/parallel.h"

namespace pixelgrad {
namespace {

/// Index i mirrored into [0, n) at the first and last element, without repeating them.
int64_t mirrored(int64_t i, int64_t n) {
  if (n == 1) return 0;
  const int64_t period = 2 * (n - 1);
  i = ((i % period) + period) % period;
  return i < n ? i : period - i;
}

}  // namespace

Tensor pad_reflect(const Tensor& images, const InputPadding& p) {
  if (p.top == 0 && p.bottom == 0 && p.left == 0 && p.right == 0) return images;
  const int64_t n = images.shape(0), h = images.shape(1), w = images.shape(2), c = images.shape(3);
  const int64_t out_h = p.top + h + p.bottom, out_w = p.left + w + p.right;
  Tensor out = Tensor::empty({n, out_h, out_w, c}, images.dtype(), images.device());
  dispatch(images, [&]<Device, class T>() {
    const T* from = images.data<T>();
    T* to = out.mutable_data<T>();
    parallel_for(n * out_h, [&](int64_t row) {
      const int64_t y = mirrored(row % out_h - p.top, h);
      const T* source = from + (row / out_h * h + y) * w * c;
      for (int64_t x = 0; x < out_w; ++x)
        std::copy_n(source + mirrored(x - p.left, w) * c, c, to + (row * out_w + x) * c);
    });
  });
  return out;
}

Tensor pad_labels(const Tensor& labels, int64_t height, int64_t width) {
  const int64_t n = labels.shape(0), h = labels.shape(1), w = labels.shape(2);
  if (height == h && width == w) return labels;
  check(height >= h && width >= w, "[pad_labels] labels ", labels.shape(), " into ", height, "x",
        width);
  Tensor out = Tensor::full({n, height, width}, ignore_label, Dtype::i32);
  const int32_t* from = labels.data<int32_t>();
  int32_t* to = out.mutable_data<int32_t>();
  for (int64_t i = 0; i < n; ++i)
    for (int64_t y = 0; y < h; ++y)
      std::copy_n(from + (i * h + y) * w, w, to + (i * height + y) * width);
  return out;
}

Tensor crop_top_left(const Tensor& x, int64_t height, int64_t width) {
  const int64_t n = x.shape(0), h = x.shape(1), w = x.shape(2), c = x.shape(3);
  if (h == height && w == width) return x;
  check(h >= height && w >= width, "[crop] ", height, "x", width, " of ", x.shape());
  Tensor out = Tensor::empty({n, height, width, c}, x.dtype(), x.device());
  const size_t row = static_cast<size_t>(width * c) * size_of(x.dtype());
  const std::byte* from = x.raw();
  std::byte* to = out.mutable_raw();
  for (int64_t i = 0; i < n; ++i)
    for (int64_t y = 0; y < height; ++y)
      std::memcpy(to + static_cast<size_t>(i * height + y) * row,
                  from + static_cast<size_t>((i * h + y) * w * c) * size_of(x.dtype()), row);
  return out;
}

Tensor predict_logits(SegmentationModel& model, const Tensor& images) {
  const NoGrad no_grad;
  const int64_t h = images.shape(1), w = images.shape(2);
  const EvaluationScope evaluation(model);
  const Tensor padded = pad_reflect(images, model.input_padding(h, w));
  return crop_top_left(model.forward(padded.to(model.device())).logits.to(Device::cpu), h, w);
}

Tensor normalized(const Image& photo, const Normalization& normalization) {
  Tensor images = Tensor::empty({1, photo.height, photo.width, 3}, Dtype::f32);
  normalization.apply(photo, images.mutable_data<float>(), photo.width * 3);
  return images;
}

Tensor argmax_classes(const Tensor& logits) {
  Shape shape = logits.shape();
  const int64_t classes = shape.back();
  shape.pop_back();
  Tensor out = Tensor::empty(shape, Dtype::i32);
  dispatch(logits, [&]<Device, class T>() {
    const T* scores = logits.data<T>();
    int32_t* ids = out.mutable_data<int32_t>();
    parallel_range(out.numel(), 1 << 14, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* row = scores + i * classes;
        ids[i] = static_cast<int32_t>(std::max_element(row, row + classes) - row);
      }
    });
  });
  return out;
}

}  // namespace pixelgrad

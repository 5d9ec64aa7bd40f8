#include "models/model.h"

#include <algorithm>

#include "autograd/ops/cast.h"
#include "tensor/kernels/conv2d.h"

namespace pixelgrad {

OptionMap replace_auto(OptionMap options, const OptionMap& chosen) {
  for (auto& [name, value] : options)
    if (const auto found = chosen.find(name); value == "auto" && found != chosen.end())
      value = found->second;
  return options;
}

ModelOutput SegmentationModel::forward(const Tensor& images) {
  const bool narrow =
      kernels::precision() == kernels::Precision::bf16 && images.dtype() == Dtype::f32;
  ModelOutput out = compute(narrow ? cast(images, Dtype::bf16) : images);
  out.logits = as_scores(out.logits);
  if (out.aux) out.aux = as_scores(out.aux);
  return out;
}

Tensor SegmentationModel::as_scores(const Tensor& x) {
  return x.dtype() == Dtype::bf16 ? cast(x, Dtype::f32) : x;
}

void SegmentationModel::check_images(const Tensor& images) const {
  check(images.dims() == 4 && images.shape(3) == config_.in_channels, "[", config_.name,
        "] images are ", images.shape(), ", expected [N,H,W,", config_.in_channels, "]");
}

void SegmentationModel::check_images(const Tensor& images, int64_t unit, int64_t rest) const {
  check_images(images);
  const auto fits = [&](int64_t size) { return size >= unit && size % unit == rest; };
  if (fits(images.shape(1)) && fits(images.shape(2))) return;
  const std::string what =
      str("[", config_.name, "] images are ", images.shape(), ", expected height and width of ");
  check(unit > 1, what, "at least 1");
  throw Error(str(what, unit, " k + ", rest, ", at least ", unit + rest,
                  " (input_padding says how much to add)"));
}

InputPadding SegmentationModel::pad_to(int64_t height, int64_t width, int64_t unit,
                                       int64_t rest) const {
  check(height >= 1 && width >= 1, "[", config_.name, "] image of ", height, " x ", width,
        ", expected at least 1 x 1");
  const auto missing = [&](int64_t size) {
    const int64_t k = std::max<int64_t>(1, (size - rest + unit - 1) / unit);
    return unit * k + rest - size;
  };
  return {.bottom = missing(height), .right = missing(width)};
}

}  // namespace pixelgrad

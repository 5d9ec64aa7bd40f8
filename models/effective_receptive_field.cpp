#include "models/effective_receptive_field.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "autograd/graph.h"
#include "layers/evaluation_scope.h"
#include "tensor/dispatch.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

/// Image `i` alone, as a leaf.
Tensor image_of(const Tensor& images, int64_t i) {
  Shape shape = images.shape();
  shape[0] = 1;
  Tensor one = Tensor::empty(shape, images.dtype());
  dispatch(images, [&]<Device, class T>() {
    std::copy_n(images.data<T>() + i * one.numel(), one.numel(), one.mutable_data<T>());
  });
  return require_grad(one);
}

/// A gradient of y [1,h,w,K] that is 0 but for the pixel.
Tensor cotangent(const Tensor& y, PixelPosition pixel, const RandomKey& key) {
  Tensor dy = Tensor::zeros(y.shape(), y.dtype());
  Random random(key);
  dispatch(y, [&]<Device, class T>() {
    T* at = dy.mutable_data<T>() + (pixel.y * y.shape(2) + pixel.x) * y.shape(3);
    for (int64_t k = 0; k < y.shape(3); ++k) at[k] = static_cast<T>(random.normal());
  });
  return dy;
}

/// The pixel of an axis of `in` pixels at the place of pixel `at` of one of `out` pixels.
int64_t same_place(int64_t at, int64_t out, int64_t in) { return (2 * at + 1) * in / (2 * out); }

/// While one lives, the parameters of a model need no gradients.
class WithoutParameterGradients {
 public:
  explicit WithoutParameterGradients(const Module& model) : parameters_(model.parameters()) {
    for (NamedTensor& p : parameters_) {
      sources_.push_back(p.tensor.source());
      p.tensor.set_source(nullptr);
    }
  }
  ~WithoutParameterGradients() {
    for (size_t i = 0; i < parameters_.size(); ++i)
      parameters_[i].tensor.set_source(std::move(sources_[i]));
  }
  WithoutParameterGradients(const WithoutParameterGradients&) = delete;
  WithoutParameterGradients& operator=(const WithoutParameterGradients&) = delete;

 private:
  std::vector<NamedTensor> parameters_;
  std::vector<std::shared_ptr<GradSource>> sources_;
};

double sum_inside(const Tensor& density, const PixelBox& box) {
  const double* values = density.data<double>();
  double sum = 0;
  for (int64_t y = box.top; y < box.top + box.height; ++y)
    for (int64_t x = box.left; x < box.left + box.width; ++x)
      sum += values[y * density.shape(1) + x];
  return sum;
}

PixelBox whole(const Tensor& density) { return {0, 0, density.shape(0), density.shape(1)}; }

}  // namespace

EffectiveReceptiveField effective_receptive_field(const ImageFunction& network,
                                                  const Tensor& images,
                                                  const EffectiveReceptiveFieldOptions& options) {
  check(images.dims() == 4 && images.shape(0) >= 1, "[effective_receptive_field] images are ",
        images.shape(), ", expected [N,H,W,C] with N at least 1");
  const int64_t height = images.shape(1), width = images.shape(2), channels = images.shape(3);
  EffectiveReceptiveField field;
  field.density = Tensor::zeros({height, width}, Dtype::f64);
  double* density = field.density.mutable_data<double>();
  for (int64_t i = 0; i < images.shape(0); ++i) {
    const Tensor image = image_of(images, i);
    const Tensor y = network(image);
    if (i == 0) {
      check(y.dims() == 4, "[effective_receptive_field] output is ", y.shape(),
            ", expected [N,h,w,K]");
      field.output = options.output.value_or(PixelPosition{y.shape(1) / 2, y.shape(2) / 2});
      field.center = {same_place(field.output.y, y.shape(1), height),
                      same_place(field.output.x, y.shape(2), width)};
      field.theoretical = receptive_box(network, image.shape(), field.output, images.dtype());
    }
    const auto step = static_cast<uint64_t>(i);
    backward(y, cotangent(y, field.output,
                          {options.seed, stream_of("effective_receptive_field"), step}));
    const std::vector<double> gradient = grad(image).to_doubles();
    for (size_t k = 0; k < gradient.size(); ++k)
      density[static_cast<int64_t>(k) / channels] += std::abs(gradient[k]);
  }
  const double sum = sum_inside(field.density, whole(field.density));
  check(std::isfinite(sum), "[effective_receptive_field] the gradient is not finite");
  check(sum > 0, "[effective_receptive_field] the gradient of output pixel (", field.output.y, ", ",
        field.output.x, ") is 0 everywhere");
  for (int64_t i = 0; i < field.density.numel(); ++i) density[i] /= sum;
  return field;
}

EffectiveReceptiveField effective_receptive_field(SegmentationModel& model, const Tensor& images,
                                                  const EffectiveReceptiveFieldOptions& options) {
  const EvaluationScope evaluation(model);
  const WithoutParameterGradients frozen(model);
  return effective_receptive_field([&](const Tensor& x) { return model.forward(x).logits; }, images,
                                   options);
}

double share_inside(const EffectiveReceptiveField& field, const PixelBox& box) {
  const PixelBox all = whole(field.density);
  check(box.top >= 0 && box.left >= 0 && box.height >= 0 && box.width >= 0 &&
            box.top + box.height <= all.height && box.left + box.width <= all.width,
        "[share_inside] box of ", box.height, " x ", box.width, " at (", box.top, ", ", box.left,
        ") does not lie inside the image of ", all.height, " x ", all.width);
  // Both sums add in the same order, so that zeros outside of the box leave a quotient of 1.
  return sum_inside(field.density, box) / sum_inside(field.density, all);
}

CenteredBox smallest_box(const EffectiveReceptiveField& field, double share) {
  check(share > 0 && share <= 1, "[smallest_box] share is ", share, ", expected over 0, up to 1");
  const PixelBox all = whole(field.density);
  const auto around = [&](int64_t radius) -> PixelBox {
    const int64_t top = std::max<int64_t>(0, field.center.y - radius);
    const int64_t left = std::max<int64_t>(0, field.center.x - radius);
    return {top, left, std::min(all.height, field.center.y + radius + 1) - top,
            std::min(all.width, field.center.x + radius + 1) - left};
  };
  int64_t radius = 0;
  while (around(radius) != all && share_inside(field, around(radius)) < share) ++radius;
  return {2 * radius + 1, around(radius)};
}

}  // namespace pixelgrad

#include "apps/engine/painting.h"

#include <algorithm>
#include <cmath>

#include "apps/engine/inference.h"
#include "autograd/ops/activation.h"
#include "autograd/ops/distance_loss.h"
#include "autograd/ops/shape.h"
#include "autograd/ops/weighted_sum.h"

namespace pixelgrad {

Tensor painting_loss(const ModelOutput& out, const Tensor& targets) {
  const int64_t height = targets.shape(1), width = targets.shape(2);
  const auto error = [&](const Tensor& logits) {
    const bool larger = logits.shape(1) != height || logits.shape(2) != width;
    return mse(sigmoid(larger ? crop2d(logits, 0, 0, height, width) : logits), targets);
  };
  if (!out.aux) return error(out.logits);
  return weighted_sum({{1, error(out.logits)}, {out.aux_weight, error(out.aux)}});
}

Tensor paint(SegmentationModel& model, const Tensor& images) {
  const NoGrad no_grad;
  return sigmoid(predict_logits(model, images));
}

Image paint_picture(SegmentationModel& model, const Normalization& normalization,
                    const Image& photo) {
  return to_picture(paint(model, normalized(photo, normalization)));
}

Image to_picture(const Tensor& painted) {
  check(painted.dims() == 4 && painted.shape(0) == 1 && painted.shape(3) == painted_channels,
        "[painting] a picture is ", painted.shape(), ", expected [1,H,W,3]");
  Image picture(painted.shape(1), painted.shape(2), painted_channels);
  const float* from = painted.data<float>();
  for (uint8_t& value : picture.pixels)
    value = static_cast<uint8_t>(std::lround(std::clamp(*from++, 0.0f, 1.0f) * 255));
  return picture;
}

NearestColors painted_classes(const std::vector<ClassInfo>& classes) {
  ColorTable colors;
  for (size_t c = 0; c < classes.size(); ++c)
    if (classes[c].scored && !colors.exact(classes[c].color))
      colors.add(classes[c].color, static_cast<uint8_t>(c));
  constexpr double any_distance = 442;  // more than from black to white
  return {colors, any_distance};
}

LabelMap classes_of(const Image& picture, const NearestColors& colors) {
  LabelMap labels(picture.height, picture.width);
  colors.convert(picture.pixels, labels.ids);
  return labels;
}

double psnr(double mse) { return -10 * std::log10(mse); }

}  // namespace pixelgrad

#include "apps/engine/panels.h"

#include <algorithm>
#include <cstring>

#include "apps/engine/inference.h"
#include "data/image_io.h"
#include "data/label_png.h"

namespace pixelgrad {
namespace {

constexpr int64_t gap = 4;  // white pixels between pictures

void paste(Image& canvas, const Image& picture, int64_t top, int64_t left) {
  for (int64_t y = 0; y < picture.height; ++y)
    std::memcpy(canvas.at(top + y, left), picture.at(y, 0), static_cast<size_t>(picture.width * 3));
}

Image white(int64_t height, int64_t width) {
  Image out(height, width, 3);
  std::fill(out.pixels.begin(), out.pixels.end(), uint8_t{255});
  return out;
}

}  // namespace

Image panel(const Image& photo, const LabelMap& truth, const LabelMap& prediction,
            const std::vector<ClassInfo>& classes) {
  const std::vector<Rgb> colors = colors_of(classes);
  Image out = white(photo.height, 3 * photo.width + 2 * gap);
  paste(out, photo, 0, 0);
  paste(out, colorize(truth, colors), 0, photo.width + gap);
  paste(out, colorize(prediction, colors), 0, 2 * (photo.width + gap));
  return out;
}

LabelMap predict_labels(SegmentationModel& model, const Normalization& normalization,
                        const Image& photo) {
  Tensor input = Tensor::empty({1, photo.height, photo.width, 3}, Dtype::f32);
  normalization.apply(photo, input.mutable_data<float>(), photo.width * 3);
  const Tensor ids = argmax_classes(predict_logits(model, input));
  LabelMap out(photo.height, photo.width);
  std::copy_n(ids.data<int32_t>(), ids.numel(), out.ids.begin());
  return out;
}

void write_panels(const std::filesystem::path& path, SegmentationModel& model,
                  const Dataset& dataset, const ModelCard& info, int64_t count) {
  count = std::min(count, dataset.size());
  std::vector<Image> rows;
  for (int64_t i = 0; i < count; ++i) {
    const Sample sample = dataset.load(i * dataset.size() / count);
    rows.push_back(panel(sample.image, sample.labels,
                         predict_labels(model, info.normalization, sample.image), info.classes));
  }
  int64_t height = -gap, width = 0;
  for (const Image& row : rows) {
    height += row.height + gap;
    width = std::max(width, row.width);
  }
  Image out = white(height, width);
  int64_t top = 0;
  for (const Image& row : rows) {
    paste(out, row, top, 0);
    top += row.height + gap;
  }
  write_png(path, out);
}

}  // namespace pixelgrad

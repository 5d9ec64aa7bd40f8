#include "apps/engine/panels.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "apps/engine/inference.h"
#include "apps/engine/painting.h"
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

LabelMap predict_labels(SegmentationModel& model, const Normalization& normalization,
                        const Image& photo) {
  const Tensor ids = argmax_classes(predict_logits(model, normalized(photo, normalization)));
  LabelMap out(photo.height, photo.width);
  std::copy_n(ids.data<int32_t>(), ids.numel(), out.ids.begin());
  return out;
}

std::vector<Sample> spread_samples(const Dataset& dataset, int64_t count) {
  count = std::min(count, dataset.size());
  std::vector<Sample> out;
  for (int64_t i = 0; i < count; ++i) out.push_back(dataset.load(i * dataset.size() / count));
  return out;
}

Image picture_grid(const std::vector<std::vector<Image>>& rows) {
  std::vector<int64_t> heights, widths;
  for (const auto& row : rows) {
    heights.push_back(0);
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      heights.back() = std::max(heights.back(), row[i].height);
      widths[i] = std::max(widths[i], row[i].width);
    }
  }
  const auto whole = [](const std::vector<int64_t>& sides) {
    return std::accumulate(sides.begin(), sides.end(),
                           gap * (static_cast<int64_t>(sides.size()) - 1));
  };
  Image out = white(whole(heights), whole(widths));
  int64_t top = 0;
  for (size_t r = 0; r < rows.size(); ++r) {
    int64_t left = 0;
    for (size_t i = 0; i < rows[r].size(); ++i) {
      paste(out, rows[r][i], top, left);
      left += widths[i] + gap;
    }
    top += heights[r] + gap;
  }
  return out;
}

void write_panels(const std::filesystem::path& path, SegmentationModel& model,
                  const Dataset& dataset, const ModelCard& info, int64_t count) {
  const std::vector<Rgb> colors = colors_of(info.classes);
  std::vector<std::vector<Image>> rows;
  for (const Sample& sample : spread_samples(dataset, count)) {
    const Image& photo = sample.image;
    if (info.paints)
      rows.push_back({photo, sample.target, paint_picture(model, info.normalization, photo)});
    else
      rows.push_back({photo, colorize(sample.labels, colors),
                      colorize(predict_labels(model, info.normalization, photo), colors)});
  }
  write_png(path, picture_grid(rows));
}

}  // namespace pixelgrad

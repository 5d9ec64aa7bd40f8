#include "data/resize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/check.h"

namespace pixelgrad {
namespace {

/// The source samples of one output position along one axis, and their weights (sum 1).
struct Taps {
  int64_t first = 0;
  std::vector<float> weights;
};

std::vector<Taps> triangle_taps(int64_t source, int64_t target) {
  const double scale = static_cast<double>(source) / static_cast<double>(target);
  const double radius = std::max(1.0, scale);  // of the triangle, in source pixels
  std::vector<Taps> taps(static_cast<size_t>(target));
  for (int64_t i = 0; i < target; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    // Edges: taps outside are dropped and the rest reweighted, which for enlarging equals
    // repeating the edge pixel.
    const int64_t first = std::max<int64_t>(0, static_cast<int64_t>(centre - radius + 0.5));
    const int64_t last = std::min(source, static_cast<int64_t>(centre + radius + 0.5));
    std::vector<double> weights;
    double sum = 0;
    for (int64_t j = first; j < last; ++j) {
      const double distance = std::abs(static_cast<double>(j) + 0.5 - centre) / radius;
      weights.push_back(std::max(0.0, 1.0 - distance));
      sum += weights.back();
    }
    Taps& t = taps[static_cast<size_t>(i)];
    t.first = first;
    for (const double w : weights) t.weights.push_back(static_cast<float>(w / sum));
  }
  return taps;
}

void check_target(int64_t height, int64_t width, int64_t to_height, int64_t to_width) {
  check(height > 0 && width > 0 && to_height > 0 && to_width > 0, "[resize] from ", width, "x",
        height, " to ", to_width, "x", to_height, ", sides must be at least 1");
}

}  // namespace

Image resize_image(const Image& image, int64_t height, int64_t width) {
  check_target(image.height, image.width, height, width);
  if (image.height == height && image.width == width) return image;
  const int64_t channels = image.channels;
  const std::vector<Taps> columns = triangle_taps(image.width, width);
  const std::vector<Taps> rows = triangle_taps(image.height, height);

  // Columns first, kept in float: one rounding at the end.
  const int64_t row_values = width * channels;
  std::vector<float> narrow(static_cast<size_t>(image.height * row_values));
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      const Taps& taps = columns[static_cast<size_t>(x)];
      float* out = &narrow[static_cast<size_t>(y * row_values + x * channels)];
      const uint8_t* in = image.at(y, taps.first);
      for (const float w : taps.weights)
        for (int64_t c = 0; c < channels; ++c) out[c] += w * static_cast<float>(*in++);
    }

  Image result(height, width, channels);
  std::vector<float> sums(static_cast<size_t>(row_values));
  for (int64_t y = 0; y < height; ++y) {
    const Taps& taps = rows[static_cast<size_t>(y)];
    std::fill(sums.begin(), sums.end(), 0.0f);
    const float* in = &narrow[static_cast<size_t>(taps.first * row_values)];
    for (const float w : taps.weights)
      for (float& sum : sums) sum += w * *in++;
    uint8_t* out = result.at(y, 0);
    for (const float sum : sums)
      *out++ = static_cast<uint8_t>(std::clamp(sum + 0.5f, 0.0f, 255.0f));
  }
  return result;
}

LabelMap resize_labels(const LabelMap& labels, int64_t height, int64_t width) {
  check_target(labels.height, labels.width, height, width);
  if (labels.height == height && labels.width == width) return labels;
  // floor((x + 0.5) * source / target), in integers
  const auto source_of = [](int64_t x, int64_t source, int64_t target) {
    return (2 * x + 1) * source / (2 * target);
  };
  LabelMap result(height, width);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      result.at(y, x) =
          labels.at(source_of(y, labels.height, height), source_of(x, labels.width, width));
  return result;
}

}  // namespace pixelgrad

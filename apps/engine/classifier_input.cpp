#include "apps/engine/classifier_input.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <vector>

#include "data/resize.h"
#include "models/input_file.h"
#include "tensor/check.h"

namespace pixelgrad {
namespace {

constexpr int64_t shorter_side = 256, crop_side = 224;
constexpr int64_t most_elongated = 64;

/// Takes `prefix` off the front of `text`, if it is there.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Takes numbers separated by commas off the front of `text`.
std::vector<double> take_numbers(std::string_view& text) {
  std::vector<double> out;
  do {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || !std::isfinite(value)) return {};
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    out.push_back(value);
  } while (out.size() < 3 && take(text, ","));
  return out;
}

std::optional<Normalization> parse_scaling(std::string_view text) {
  if (!take(text, "RGB in 0..255 minus mean ")) return std::nullopt;
  const std::vector<double> mean = take_numbers(text);
  if (mean.size() != 3 || !take(text, ", divided by ")) return std::nullopt;
  std::vector<double> divisor = take_numbers(text);
  if (divisor.size() == 1) divisor.resize(3, divisor[0]);
  if (divisor.size() != 3 || !text.empty()) return std::nullopt;
  Normalization out;
  for (size_t c = 0; c < 3; ++c) {
    out.mean[c] = static_cast<float>(mean[c] / 255);
    out.std[c] = static_cast<float>(divisor[c] / 255);
    if (!(out.std[c] >= out.std_floor)) return std::nullopt;
  }
  return out;
}

}  // namespace

Normalization classifier_scaling(const std::map<std::string, std::string>& metadata) {
  const auto found = metadata.find("input");
  if (found == metadata.end()) return Normalization::imagenet();
  const auto scaling = parse_scaling(found->second);
  check<CheckpointError>(
      scaling.has_value(), "[classifier] metadata 'input' is ", quote_name(found->second),
      ", expected 'RGB in 0..255 minus mean R,G,B, divided by D' with D at least 0.255");
  return *scaling;
}

Image classifier_crop(const Image& image) {
  const auto [shorter, longer] = std::minmax({image.height, image.width});
  check<DataError>(shorter >= 1 && longer <= most_elongated * shorter, "[classifier] image of ",
                   image.height, " x ", image.width, ", expected one side at most ", most_elongated,
                   " times the other");
  const auto resized = [&](int64_t side) { return shorter_side * side / shorter; };
  const Image small = resize_image(image, resized(image.height), resized(image.width));
  const auto margin = [](int64_t side) {
    return static_cast<int64_t>(std::nearbyint(static_cast<double>(side - crop_side) / 2));
  };
  const int64_t top = margin(small.height), left = margin(small.width);
  Image out(crop_side, crop_side, small.channels);
  for (int64_t y = 0; y < crop_side; ++y)
    std::copy_n(small.at(top + y, left), crop_side * small.channels, out.at(y, 0));
  return out;
}

Tensor classifier_input(const Image& image, const Normalization& scaling) {
  const Image crop = classifier_crop(image);
  Tensor out = Tensor::empty({1, crop.height, crop.width, 3}, Dtype::f32);
  scaling.apply(crop, out.mutable_data<float>(), crop.width * 3);
  return out;
}

}  // namespace pixelgrad

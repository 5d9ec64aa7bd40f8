#include "data/normalize.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

#include "data/dataset.h"
#include "tensor/check.h"
#include "tensor/parallel.h"

namespace pixelgrad {
namespace {

/// Sums of a channel's 8-bit values and of their squares; exact in integers.
struct Moments {
  int64_t sum = 0, squares = 0;

  void add(int64_t v) {
    sum += v;
    squares += v * v;
  }
  double mean(int64_t n) const { return static_cast<double>(sum) / static_cast<double>(n) / 255; }
  double std(int64_t n) const {
    const double m = mean(n);
    const double second = static_cast<double>(squares) / static_cast<double>(n) / (255.0 * 255.0);
    return std::sqrt(std::max(0.0, second - m * m));
  }
};

std::string join(const std::array<float, 3>& values) {
  std::string text;
  for (const float v : values) {
    char digits[32];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, v);  // round-trips
    if (!text.empty()) text += ' ';
    text.append(digits, end);
  }
  return text;
}

const char* kind_name(Normalization::Kind kind) {
  switch (kind) {
    case Normalization::Kind::fixed:
      return "fixed";
    case Normalization::Kind::dataset:
      return "dataset";
    case Normalization::Kind::per_image:
      return "per_image";
  }
  return "?";
}

/// `count` finite numbers separated by blanks.
std::vector<float> parse_numbers(const std::map<std::string, std::string>& map,
                                 const std::string& key, size_t count) {
  const auto entry = map.find(key);
  check<CheckpointError>(entry != map.end(), "[normalization] key ", key, " is missing");
  const char* p = entry->second.data();
  const char* const end = p + entry->second.size();
  std::vector<float> values;
  while (p != end) {
    float v = 0;
    const auto [next, error] = std::from_chars(p, end, v);
    if (error != std::errc{} || !std::isfinite(v)) break;
    values.push_back(v);
    p = next;
    while (p != end && *p == ' ') ++p;
  }
  check<CheckpointError>(p == end && values.size() == count, "[normalization] ", key, " is \"",
                         entry->second, "\", expected ", count, " numbers");
  return values;
}

}  // namespace

Normalization Normalization::imagenet() {
  return {.kind = Kind::fixed, .mean = {0.485f, 0.456f, 0.406f}, .std = {0.229f, 0.224f, 0.225f}};
}
Normalization Normalization::unit() { return {}; }
Normalization Normalization::per_image() { return {.kind = Kind::per_image}; }

void Normalization::apply(const Image& image, float* out, int64_t row_stride) const {
  check(image.channels == 3 && image.height > 0 && image.width > 0, "[normalization] image is [",
        image.height, ",", image.width, ",", image.channels, "], expected [H,W,3]");
  std::array<float, 3> shift = mean, divisor = std;
  if (kind == Kind::per_image) {
    Moments all;
    for (const uint8_t v : image.pixels) all.add(v);
    const int64_t n = static_cast<int64_t>(image.pixels.size());
    shift.fill(static_cast<float>(all.mean(n)));
    divisor.fill(static_cast<float>(all.std(n)));
  }
  for (float& d : divisor) d = std::max(d, std_floor);

  // A byte has 256 values: a table a channel replaces the arithmetic.
  std::array<std::array<float, 256>, 3> table;
  for (size_t c = 0; c < 3; ++c)
    for (size_t v = 0; v < 256; ++v)
      table[c][v] = (static_cast<float>(v) / 255.0f - shift[c]) / divisor[c];
  for (int64_t y = 0; y < image.height; ++y) {
    const uint8_t* in = image.at(y, 0);
    float* row = out + y * row_stride;
    for (int64_t x = 0; x < image.width; ++x, in += 3, row += 3)
      for (size_t c = 0; c < 3; ++c) row[c] = table[c][in[c]];
  }
}

std::map<std::string, std::string> Normalization::to_map() const {
  const std::string floor = join({std_floor, 0, 0});
  return {{"kind", kind_name(kind)},
          {"mean", join(mean)},
          {"std", join(std)},
          {"std_floor", floor.substr(0, floor.find(' '))}};
}

Normalization Normalization::from_map(const std::map<std::string, std::string>& map) {
  Normalization n;
  const auto kind = map.find("kind");
  check<CheckpointError>(kind != map.end(), "[normalization] key kind is missing");
  bool known = false;
  for (const Kind k : {Kind::fixed, Kind::dataset, Kind::per_image})
    if (kind->second == kind_name(k)) {
      n.kind = k;
      known = true;
    }
  check<CheckpointError>(known, "[normalization] kind is \"", kind->second,
                         "\", expected fixed, dataset or per_image");
  const std::vector<float> mean = parse_numbers(map, "mean", 3), std = parse_numbers(map, "std", 3);
  std::copy(mean.begin(), mean.end(), n.mean.begin());
  std::copy(std.begin(), std.end(), n.std.begin());
  n.std_floor = parse_numbers(map, "std_floor", 1)[0];
  check<CheckpointError>(n.std_floor > 0, "[normalization] std_floor is ", n.std_floor,
                         ", expected a positive number");
  return n;
}

Normalization measure_normalization(const Dataset& dataset) {
  struct Sums {
    std::array<Moments, 3> channels;
    int64_t pixels = 0;
  };
  std::vector<Sums> each(static_cast<size_t>(dataset.size()));
  parallel_for(dataset.size(), [&](int64_t i) {
    const Image image = dataset.load(i).image;
    Sums& sums = each[static_cast<size_t>(i)];
    sums.pixels = image.height * image.width;
    for (size_t p = 0; p < image.pixels.size(); p += 3)
      for (size_t c = 0; c < 3; ++c) sums.channels[c].add(image.pixels[p + c]);
  });
  Sums total;
  for (const Sums& sums : each) {
    total.pixels += sums.pixels;
    for (size_t c = 0; c < 3; ++c) {
      total.channels[c].sum += sums.channels[c].sum;
      total.channels[c].squares += sums.channels[c].squares;
    }
  }
  check<DataError>(total.pixels > 0, "[normalization] the data set has no pixels to measure");
  Normalization n{.kind = Normalization::Kind::dataset};
  for (size_t c = 0; c < 3; ++c) {
    n.mean[c] = static_cast<float>(total.channels[c].mean(total.pixels));
    n.std[c] = static_cast<float>(total.channels[c].std(total.pixels));
  }
  return n;
}

Normalization make_normalization(std::string_view name, const Dataset& train) {
  if (name == "imagenet") return Normalization::imagenet();
  if (name == "unit") return Normalization::unit();
  if (name == "per_image") return Normalization::per_image();
  if (name == "dataset") return measure_normalization(train);
  throw UsageError(str("[normalization] \"", name,
                       "\" is not known, expected imagenet, unit, per_image or dataset"));
}

}  // namespace pixelgrad

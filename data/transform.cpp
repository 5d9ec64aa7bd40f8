#include "data/transform.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "tensor/check.h"

namespace pixelgrad {
namespace {

constexpr double red_share = 0.299, green_share = 0.587, blue_share = 0.114;  // Rec. 601

uint8_t to_byte(double v) { return static_cast<uint8_t>(std::clamp(v + 0.5, 0.0, 255.0)); }

std::vector<uint8_t> mean_color(const Image& image) {
  const size_t channels = static_cast<size_t>(image.channels);
  const double pixels = static_cast<double>(image.height * image.width);
  std::vector<uint8_t> mean;
  for (size_t c = 0; c < channels; ++c) {
    int64_t sum = 0;
    for (size_t i = c; i < image.pixels.size(); i += channels) sum += image.pixels[i];
    mean.push_back(to_byte(static_cast<double>(sum) / pixels));
  }
  return mean;
}

/// Folds a coordinate into [0, size] by mirroring at the outer edges of the image.
double mirror(double x, double size) {
  x = std::fmod(std::abs(x), 2 * size);
  return x > size ? 2 * size - x : x;
}

/// A source position: the coordinates, and whether they fall on the image.
struct Source {
  double x, y;
  bool inside;
};

bool is_identity(const Augmentation& a, ImageSize size) {
  return a.size == size && a.xu == 1 && a.xv == 0 && a.x0 == 0 && a.yu == 0 && a.yv == 1 &&
         a.y0 == 0;
}

/// The two neighbours of a coordinate along an axis, edges repeated, and the second one's weight.
struct Neighbours {
  int64_t low, high;
  double fraction;
};
Neighbours neighbours(double coordinate, int64_t size) {
  const double from_centre = coordinate - 0.5;
  const double low = std::floor(from_centre);
  const int64_t i = static_cast<int64_t>(low);
  return {std::clamp<int64_t>(i, 0, size - 1), std::clamp<int64_t>(i + 1, 0, size - 1),
          from_centre - low};
}

/// Calls visit(row, column, source) for every output pixel.
template <class Visit>
void for_each_source(const Augmentation& a, int64_t height, int64_t width, const Visit& visit) {
  const double h = static_cast<double>(height), w = static_cast<double>(width);
  for (int64_t row = 0; row < a.size.height; ++row)
    for (int64_t column = 0; column < a.size.width; ++column) {
      const double u = static_cast<double>(column) + 0.5, v = static_cast<double>(row) + 0.5;
      const double x = a.xu * u + a.xv * v + a.x0, y = a.yu * u + a.yv * v + a.y0;
      visit(row, column, Source{x, y, x >= 0 && x < w && y >= 0 && y < h});
    }
}

/// Whether columns come from columns and rows from rows, so that each is looked up once.
bool is_upright(const Augmentation& a) { return a.xv == 0 && a.yu == 0; }

/// The source coordinate of output columns or rows.
struct Line {
  double coordinate;
  bool inside;
};
std::vector<Line> lines(double step, double start, int64_t count, int64_t size) {
  std::vector<Line> found;
  found.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const double coordinate = step * (static_cast<double>(i) + 0.5) + start;
    found.push_back({coordinate, coordinate >= 0 && coordinate < static_cast<double>(size)});
  }
  return found;
}

/// Writes the bilinear mean of four pixels of `channels` bytes; 0: image.channels.
template <int channels>
void sample(const Image& image, const Neighbours& x, const Neighbours& y, uint8_t* out) {
  const uint8_t *nw = image.at(y.low, x.low), *ne = image.at(y.low, x.high);
  const uint8_t *sw = image.at(y.high, x.low), *se = image.at(y.high, x.high);
  for (int64_t c = 0; c < (channels ? channels : image.channels); ++c) {
    const double north = nw[c] + x.fraction * (ne[c] - nw[c]);
    const double south = sw[c] + x.fraction * (se[c] - sw[c]);
    out[c] = to_byte(north + y.fraction * (south - north));
  }
}

template <int channels>
void warp_upright(const Image& image, const Augmentation& a, AugmentOptions::Border border,
                  Image& result) {
  const auto sources = [&](const std::vector<Line>& of, int64_t size) {
    std::vector<Neighbours> found;
    for (const Line& line : of)
      found.push_back(neighbours(
          line.inside ? line.coordinate : mirror(line.coordinate, static_cast<double>(size)),
          size));
    return found;
  };
  const std::vector<Line> rows = lines(a.yv, a.y0, a.size.height, image.height);
  const std::vector<Line> columns = lines(a.xu, a.x0, a.size.width, image.width);
  const auto is_outside = [](const Line& line) { return !line.inside; };
  const bool fills = border == AugmentOptions::Border::mean &&
                     (std::any_of(rows.begin(), rows.end(), is_outside) ||
                      std::any_of(columns.begin(), columns.end(), is_outside));
  const std::vector<uint8_t> fill = fills ? mean_color(image) : std::vector<uint8_t>{};
  const std::vector<Neighbours> ys = sources(rows, image.height);
  const std::vector<Neighbours> xs = sources(columns, image.width);
  for (size_t row = 0; row < rows.size(); ++row) {
    uint8_t* out = result.at(static_cast<int64_t>(row), 0);
    const int64_t bytes = channels ? channels : image.channels;
    for (size_t column = 0; column < columns.size(); ++column, out += bytes) {
      if (fills && !(rows[row].inside && columns[column].inside))
        std::copy_n(fill.data(), bytes, out);
      else if (ys[row].fraction == 0 && xs[column].fraction == 0)
        std::copy_n(image.at(ys[row].low, xs[column].low), bytes, out);
      else
        sample<channels>(image, xs[column], ys[row], out);
    }
  }
}

}  // namespace

void check_options(const AugmentOptions& o) {
  const auto in_range = [](const char* name, double v, double low, double high) {
    check<UsageError>(v >= low && v <= high, "[augment] ", name, " is ", v, ", expected ", low,
                      " to ", high);
  };
  in_range("horizontal_flip", o.horizontal_flip, 0, 1);
  in_range("vertical_flip", o.vertical_flip, 0, 1);
  in_range("scale_min", o.scale_min, 0.01, 100);
  in_range("scale_max", o.scale_max, o.scale_min, 100);
  in_range("rotate", o.rotate, 0, 180);
  in_range("brightness", o.brightness, 0, 1);
  in_range("contrast", o.contrast, 0, 1);
  in_range("saturation", o.saturation, 0, 1);
  if (o.crop)
    check<UsageError>(o.crop->height >= 1 && o.crop->width >= 1, "[augment] crop is ",
                      o.crop->width, "x", o.crop->height, ", sides must be at least 1");
}

Augmentation draw_augmentation(const AugmentOptions& o, ImageSize size, const RandomKey& key) {
  check_options(o);
  Random random(key);
  // Every decision is drawn whether or not it is used, so that turning one option on leaves the
  // others' numbers as they were.
  const bool flip_x = random.chance(o.horizontal_flip), flip_y = random.chance(o.vertical_flip);
  const double zoom = o.scale_min * std::pow(o.scale_max / o.scale_min, random.uniform());
  const double angle = random.uniform(-o.rotate, o.rotate) * std::numbers::pi / 180;
  const double place_x = random.uniform(), place_y = random.uniform();
  Augmentation a;
  a.brightness = random.uniform(1 - o.brightness, 1 + o.brightness);
  a.contrast = random.uniform(1 - o.contrast, 1 + o.contrast);
  a.saturation = random.uniform(1 - o.saturation, 1 + o.saturation);
  a.size = o.crop.value_or(size);

  // The window's corner in the zoomed image: a whole number, so that a crop alone moves no pixel
  // by a fraction; negative where the window is the larger one.
  const double w = static_cast<double>(size.width), h = static_cast<double>(size.height);
  const auto corner = [](double image, int64_t window, double place) {
    const double room = std::round(image) - static_cast<double>(window);
    const double steps = std::floor(place * (std::abs(room) + 1));
    return room >= 0 ? steps : -steps;
  };
  const double left = corner(w * zoom, a.size.width, place_x);
  const double top = corner(h * zoom, a.size.height, place_y);

  // Output -> zoomed image (shift by the corner) -> source, about the image's centre:
  // source = centre + flip * rotation * (zoomed - zoomed centre) / zoom.
  const double cosine = o.rotate == 0 ? 1 : std::cos(angle);
  const double sine = o.rotate == 0 ? 0 : std::sin(angle);
  const double sx = (flip_x ? -1 : 1) / zoom, sy = (flip_y ? -1 : 1) / zoom;
  a.xu = sx * cosine;
  a.xv = sx * sine;
  a.yu = -sy * sine;
  a.yv = sy * cosine;
  const double du = left - w * zoom / 2, dv = top - h * zoom / 2;
  a.x0 = w / 2 + a.xu * du + a.xv * dv;
  a.y0 = h / 2 + a.yu * du + a.yv * dv;
  return a;
}

Image warp_image(const Image& image, const Augmentation& a, AugmentOptions::Border border) {
  if (is_identity(a, {image.height, image.width})) return image;
  Image result(a.size.height, a.size.width, image.channels);
  if (is_upright(a)) {
    if (image.channels == 3)
      warp_upright<3>(image, a, border, result);
    else
      warp_upright<0>(image, a, border, result);
    return result;
  }
  const bool reflect = border == AugmentOptions::Border::reflect;
  const std::vector<uint8_t> fill = reflect ? std::vector<uint8_t>{} : mean_color(image);
  const double h = static_cast<double>(image.height), w = static_cast<double>(image.width);
  for_each_source(a, image.height, image.width, [&](int64_t row, int64_t column, Source s) {
    uint8_t* out = result.at(row, column);
    if (!s.inside) {
      if (!reflect) {
        std::copy(fill.begin(), fill.end(), out);
        return;
      }
      s.x = mirror(s.x, w);
      s.y = mirror(s.y, h);
    }
    sample<0>(image, neighbours(s.x, image.width), neighbours(s.y, image.height), out);
  });
  return result;
}

LabelMap warp_labels(const LabelMap& labels, const Augmentation& a) {
  if (is_identity(a, {labels.height, labels.width})) return labels;
  LabelMap result(a.size.height, a.size.width, ignore_label);
  if (is_upright(a)) {
    const std::vector<Line> rows = lines(a.yv, a.y0, a.size.height, labels.height);
    const std::vector<Line> columns = lines(a.xu, a.x0, a.size.width, labels.width);
    for (size_t row = 0; row < rows.size(); ++row) {
      if (!rows[row].inside) continue;
      const uint8_t* from =
          &labels
               .ids[static_cast<size_t>(static_cast<int64_t>(rows[row].coordinate) * labels.width)];
      uint8_t* to = &result.ids[row * columns.size()];
      for (size_t column = 0; column < columns.size(); ++column)
        if (columns[column].inside)
          to[column] = from[static_cast<size_t>(columns[column].coordinate)];
    }
    return result;
  }
  for_each_source(a, labels.height, labels.width, [&](int64_t row, int64_t column, Source s) {
    if (s.inside)
      result.at(row, column) = labels.at(static_cast<int64_t>(s.y), static_cast<int64_t>(s.x));
  });
  return result;
}

void jitter_colors(Image& image, const Augmentation& a) {
  if (a.brightness == 1 && a.contrast == 1 && a.saturation == 1) return;
  check(image.channels == 3, "[augment] colour jitter of an image with ", image.channels,
        " channels, expected 3");
  const auto gray = [](const uint8_t* p) {
    return red_share * p[0] + green_share * p[1] + blue_share * p[2];
  };
  double mean_gray = 0;
  for (size_t i = 0; i < image.pixels.size(); i += 3) mean_gray += gray(&image.pixels[i]);
  mean_gray *= a.brightness / static_cast<double>(image.height * image.width);
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    uint8_t* p = &image.pixels[i];
    // All three steps are linear and done before the one rounding and clamping.
    const double own_gray = a.contrast * (a.brightness * gray(p) - mean_gray) + mean_gray;
    for (int c = 0; c < 3; ++c) {
      const double v = a.contrast * (a.brightness * p[c] - mean_gray) + mean_gray;
      p[c] = to_byte(own_gray + a.saturation * (v - own_gray));
    }
  }
}

void augment(Image& image, LabelMap& labels, const AugmentOptions& options, const RandomKey& key,
             Image* target) {
  check(image.height == labels.height && image.width == labels.width, "[augment] image is ",
        image.width, "x", image.height, ", labels are ", labels.width, "x", labels.height);
  const Augmentation a = draw_augmentation(options, {image.height, image.width}, key);
  image = warp_image(image, a, options.border);
  labels = warp_labels(labels, a);
  if (target) *target = warp_image(*target, a, options.border);
  jitter_colors(image, a);
}

}  // namespace pixelgrad

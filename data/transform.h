#pragma once
#include <cstdint>
#include <optional>

#include "data/image.h"
#include "data/image_io.h"
#include "tensor/random.h"

namespace pixelgrad {

/// Random changes to a training sample. All are off by default.
struct AugmentOptions {
  double horizontal_flip = 0;  ///< probability
  double vertical_flip = 0;    ///< probability
  /// Zoom, drawn log-uniformly from [scale_min, scale_max]: 0.5 and 2 are equally likely.
  double scale_min = 1, scale_max = 1;
  double rotate = 0;  ///< degrees; the angle is uniform in [-rotate, rotate]
  /// Size of the window cut at a random place; the image's own size when absent. Where the window
  /// is larger than the zoomed image, the image lies at a random place inside it.
  std::optional<ImageSize> crop = {};
  /// What lies outside the image: its mean colour, or its mirror image. Labels there are always
  /// ignore_label.
  enum class Border { mean, reflect } border = Border::mean;
  // Colour jitter: factors uniform in [1 - v, 1 + v], v in [0, 1].
  double brightness = 0;  ///< times the factor
  double contrast = 0;    ///< distance from the image's mean gray times the factor
  double saturation = 0;  ///< distance from the pixel's own gray times the factor
};

/// Throws UsageError naming the option and its value unless all are within their ranges.
void check_options(const AugmentOptions& options);

/// What augment() decided for one sample: geometry as a map from output to source pixels, and
/// colour factors.
struct Augmentation {
  ImageSize size = {};  ///< of the output
  /// Source (x, y) of the output pixel with centre (u, v) = (column + 0.5, row + 0.5):
  /// x = xu * u + xv * v + x0, y = yu * u + yv * v + y0, in pixels, centres at halves.
  double xu = 1, xv = 0, x0 = 0;
  double yu = 0, yv = 1, y0 = 0;
  double brightness = 1, contrast = 1, saturation = 1;
};

/// Draws an augmentation for an image of this size. The key alone decides: equal keys give equal
/// results whatever thread asks.
Augmentation draw_augmentation(const AugmentOptions& options, ImageSize size, const RandomKey& key);

/// The geometric part applied to an image: bilinear, edges repeated for half a pixel, `border`
/// beyond. Flips and crops without zoom or rotation copy pixels exactly.
Image warp_image(const Image& image, const Augmentation& a, AugmentOptions::Border border);
/// The same map applied to labels: nearest pixel, ignore_label outside.
LabelMap warp_labels(const LabelMap& labels, const Augmentation& a);
/// The colour part, in the order brightness, contrast, saturation; gray is Rec. 601 luma.
void jitter_colors(Image& image, const Augmentation& a);

/// Draws and applies an augmentation to an RGB image and its labels together. `target`, where there
/// is one, is a picture that takes part in the geometry but not in the colour jitter.
void augment(Image& image, LabelMap& labels, const AugmentOptions& options, const RandomKey& key,
             Image* target = nullptr);

}  // namespace pixelgrad

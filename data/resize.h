#pragma once
#include <cstdint>

#include "data/image.h"

namespace pixelgrad {

/// Bilinear resize with half-pixel centres (align_corners = false). Where a side shrinks, the
/// triangle filter is stretched by the factor, so that every source pixel has its share
/// (antialiasing, as in Pillow and in torch interpolate with antialias = true); where it grows,
/// this is plain bilinear interpolation with edges repeated. Values are rounded to nearest.
Image resize_image(const Image& image, int64_t height, int64_t width);

/// Nearest-neighbour resize with half-pixel centres: output pixel x takes source pixel
/// floor((x + 0.5) * source / output). Ids are never mixed.
LabelMap resize_labels(const LabelMap& labels, int64_t height, int64_t width);

}  // namespace pixelgrad

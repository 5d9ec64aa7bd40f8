#pragma once
#include <vector>

#include "data/image.h"
#include "tensor/tensor.h"

namespace pixelgrad {

/// How a value v becomes a brightness from 0 to 1, with m the largest value of the map.
enum class HeatScale {
  linear,       ///< v / m
  square_root,  ///< sqrt(v / m): shows what a hundredth of the largest value is
  logarithmic   ///< 1 + log10(v / m) / decades, at least 0
};

/// A frame around cells of a map.
struct HeatMapFrame {
  int64_t top = 0, left = 0, height = 0, width = 0;
  Rgb color{255, 255, 255};
};

struct HeatMapOptions {
  HeatScale scale = HeatScale::square_root;
  double decades = 4;  ///< of the logarithmic scale
  int64_t zoom = 1;    ///< pixels of the picture, in each direction, for a value
  std::vector<HeatMapFrame> frames = {};
};

/// A color of the map "magma" of Smith and van der Walt (matplotlib), whose brightness rises evenly
/// for the eye: from black, 0, through purple and orange to a light yellow, 1.
Rgb heat_color(double brightness);

/// A picture of values [H,W] that are not negative, f32 or f64: heat_color of each, and dark gray
/// where the value is 0 exactly. Throws Error for other shapes, for negative values or NaN, and for
/// a zoom or decades that are not positive.
Image heat_map(const Tensor& values, const HeatMapOptions& options = {});

}  // namespace pixelgrad

#pragma once
#include <cstdint>

#include "tensor/device.h"

namespace pixelgrad::kernels {

/// Labels as every loss on labels reads them: here and nowhere else is said which pixels count and
/// what each weighs, so that ignore_index and class weights mean the same in all of them.
template <class T>
struct PixelLabels {
  int64_t pixels = 0, classes = 1;
  int32_t ignore_index = 255;
  const int32_t* labels = nullptr;   ///< [pixels]
  const T* class_weights = nullptr;  ///< [classes]; null: all 1

  /// Whether the pixel is not ignored.
  PIXELGRAD_HD bool counts(int64_t pixel) const { return labels[pixel] != ignore_index; }
  /// Whether the label is ignore_index, which may also be one of the classes, or a class.
  PIXELGRAD_HD bool valid(int64_t pixel) const {
    return !counts(pixel) || (labels[pixel] >= 0 && labels[pixel] < classes);
  }
  PIXELGRAD_HD double class_weight(int64_t k) const {
    return class_weights ? static_cast<double>(class_weights[k]) : 1.0;
  }
  /// The weight of the pixel's class; 0 where it is ignored.
  PIXELGRAD_HD double weight(int64_t pixel) const {
    return counts(pixel) ? class_weight(labels[pixel]) : 0.0;
  }
};

/// The first pixel whose label is not valid, or -1. The other functions on labels need them valid.
template <Device D, class T>
int64_t find_bad_label(const PixelLabels<T>& labels);

/// The sum of the pixels' weights: what a mean over pixels is divided by.
template <Device D, class T>
double total_weight(const PixelLabels<T>& labels);

/// counts[k] = how many pixels are labelled k, of those that count.
template <Device D, class T>
void count_classes(const PixelLabels<T>& labels, int64_t* counts);

}  // namespace pixelgrad::kernels

#pragma once
#include <cstdint>

#include "tensor/kernels/pixel_labels.h"

// What Dice, Jaccard and Tversky losses need of probabilities p [pixels, classes]: soft counts of
// each class over the pixels that count.
namespace pixelgrad::kernels {

/// overlap[k] = sum of p[k] where the label is k (soft true positives), predicted[k] = sum of p[k],
/// truth[k] = number of pixels labelled k; all f64, added up in an order that depends on the shape
/// alone.
template <Device D, class T>
void class_overlap(const PixelLabels<T>& labels, const T* p, double* overlap, double* predicted,
                   double* truth);

/// From the derivatives of a loss by overlap and predicted to that by the logits of p:
///   dlogits[k] = p[k] (g[k] - sum_j g[j] p[j] / sum_j p[j]),
///   g[k] = dpredicted[k] + (k == label) doverlap[k]
/// and 0 for pixels that do not count. p was rounded: where one class has nearly all, its sum must
/// count as 1. dlogits may be p.
template <Device D, class T>
void class_overlap_backward(const PixelLabels<T>& labels, const T* p, const double* doverlap,
                            const double* dpredicted, T* dlogits);

}  // namespace pixelgrad::kernels

#pragma once
#include <cstdint>

#include "tensor/kernels/pixel_labels.h"

// Losses that are means over pixels, of logits [pixels, classes]. With p = softmax(logits),
// w = class weights, y = a pixel's label and W = total_weight(labels), the sum of w[y] over the
// pixels that count. Each writes one value to `loss` and, where `dlogits` is not null, the gradient
// in the same pass, so that the exponentials are taken once. Both are 0 where W = 0.
namespace pixelgrad::kernels {

/// PyTorch's cross entropy. With a = smoothing and K = classes:
///   loss = sum ((1 - a) w[y] (-log p[y]) + a/K sum_k w[k] (-log p[k])) / W
///   dlogits[k] = (t p[k] - (k == y) (1 - a) w[y] - a/K w[k]) / W,
///   t = (1 - a) w[y] + a/K sum_k w[k]
template <Device D, class T>
void cross_entropy(const PixelLabels<T>& labels, double smoothing, const T* logits, T* loss,
                   T* dlogits);

/// Focal loss:
///   loss = sum w[y] (1 - p[y])^gamma (-log p[y]) / W
///   dlogits[k] = w[y] (1 - p[y])^gamma (1 - gamma p[y] log(p[y]) / (1 - p[y])) (p[k] - (k == y)) /
///   W
template <Device D, class T>
void focal_loss(const PixelLabels<T>& labels, double gamma, const T* logits, T* loss, T* dlogits);

/// kept[i] = the label of pixel i where it is hard, else ignore_index. Hard are the pixels with
/// p[y] < threshold or, where those are fewer, the min_kept pixels with the lowest p[y], the first
/// of equals, of those that count.
template <Device D, class T>
void keep_hard_pixels(const PixelLabels<T>& labels, const T* logits, double threshold,
                      int64_t min_kept, int32_t* kept);

}  // namespace pixelgrad::kernels

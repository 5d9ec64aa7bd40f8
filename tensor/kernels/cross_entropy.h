#pragma once
#include <cmath>
#include <cstdint>

#include "tensor/kernels/pixel_labels.h"
#include "tensor/mutant_internal.h"

// Losses that are means over pixels, of logits [pixels, classes]. With p = softmax(logits),
// w = class weights, y = a pixel's label and W = total_weight(labels), the sum of w[y] over the
// pixels that count. Each writes one value to `loss` and, where `dlogits` is not null, the gradient
// in the same pass, so that the exponentials are taken once. Both are 0 where W = 0.
namespace pixelgrad::kernels {

/// What -log p[k] is multiplied by in a cross entropy: hard(y) for the label, and soft(k) for every
/// class. Letters as below.
template <class T>
struct CrossEntropyWeights {
  PixelLabels<T> labels;
  double hard_share, soft_share;  ///< 1 - a and a/K

  CrossEntropyWeights(const PixelLabels<T>& labels, double smoothing)
      : labels(labels),
        hard_share(1 - smoothing),
        soft_share(smoothing / static_cast<double>(PIXELGRAD_MUTANT(
                                   cross_entropy_smoothing_over_the_other_classes, labels.classes,
                                   labels.classes > 1 ? labels.classes - 1 : 1))) {}

  PIXELGRAD_HD double hard(int64_t k) const { return hard_share * labels.class_weight(k); }
  PIXELGRAD_HD double soft(int64_t k) const { return soft_share * labels.class_weight(k); }
};

/// A pixel's part of a focal loss.
struct FocalPixel {
  double loss;   ///< before the division by W
  double slope;  ///< dlogits[k] W = slope (p[k] - (k == y))

  /// Of `rest` = 1 - p[y], which must come from the other classes, for the difference would cancel
  /// where p[y] is near 1, and `surprise` = -log p[y], which counts where p[y] is small.
  PIXELGRAD_HD FocalPixel(double rest, double surprise, double weight, double gamma) {
    const double log_p = rest < 0.5 ? std::log1p(-rest) : -surprise;
    const double modulation = std::pow(rest, gamma);
    const double ratio = rest > 0 ? log_p / rest : -1;  // its limit at p[y] = 1
    loss = -weight * modulation * log_p;
    slope =
        weight * modulation *
        PIXELGRAD_MUTANT(focal_modulation_not_differentiated, 1 - gamma * (1 - rest) * ratio, 1.0);
  }
};

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

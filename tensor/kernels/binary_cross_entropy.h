#pragma once
#include <cstdint>

#include "tensor/kernels/pixel_labels.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad::kernels {

/// A logit z that counts, of weight w[c] where y = 1, else 1. What its loss and gradient need
/// beside it, e = exp(-|z|), which cannot overflow, and log(1 + e), the backends compute in their
/// own ways.
template <class T>
struct BinaryLogit {
  bool positive;  ///< y = 1
  double weight;
  T toward;  ///< -log(1 - s) = max(z, 0) + log(1 + exp(-|z|)), and -log s is that of -z

  PIXELGRAD_HD BinaryLogit(const PixelLabels<T>& labels, int64_t channels, const T* pos_weight,
                           int64_t i, T z)
      : positive(labels.labels[i] == 1),
        weight(positive && pos_weight ? static_cast<double>(pos_weight[i % channels]) : 1.0),
        toward(positive ? -z : z) {}

  /// Its part of the sum that is divided by n.
  PIXELGRAD_HD double loss(T log1p_e) const {
    return weight * (static_cast<double>(toward < 0 ? 0 : toward) + static_cast<double>(log1p_e));
  }
  PIXELGRAD_HD T gradient(T e, double inverse_count) const {
    // sigmoid(toward): s for y = 0, 1 - s for y = 1. A NaN stays one, whatever e is.
    const T share = toward >= 0 ? 1 / (1 + e) : toward < 0 ? e / (1 + e) : toward;
    const double factor = PIXELGRAD_MUTANT(bce_backward_without_pos_weight, weight, 1.0);
    return static_cast<T>((positive ? -factor : factor) * inverse_count) * share;
  }
};

/// Binary cross entropy of logits z [pixels, channels], each with a label y of its own: 0, 1 or
/// ignored. Here labels.pixels counts the logits, labels.classes is 2, and channel c is
/// `i % channels` of element i. With s = sigmoid(z), w = pos_weight [channels] (null: 1) and n
/// the number of labels that count:
///   loss = sum over them of (-w[c] y log s - (1 - y) log(1 - s)) / n
///   dlogits = (y ? -w[c] (1 - s) : s) / n
/// and 0 where n = 0. Writes one value to `loss`; `dlogits` may be null.
template <Device D, class T>
void binary_cross_entropy(const PixelLabels<T>& labels, int64_t channels, const T* logits,
                          const T* pos_weight, T* loss, T* dlogits);

}  // namespace pixelgrad::kernels

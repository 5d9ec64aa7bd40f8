#pragma once
#include <cstdint>

#include "tensor/kernels/pixel_labels.h"

namespace pixelgrad::kernels {

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

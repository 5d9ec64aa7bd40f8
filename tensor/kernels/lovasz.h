#pragma once
#include <cstdint>

#include "tensor/kernels/pixel_labels.h"

namespace pixelgrad::kernels {

/// The Lovasz-Softmax loss of probabilities p [pixels, classes], the softmax of logits: a mean over
/// images, equal parts of the pixels, that hold a pixel that counts, of the weighted mean over
/// classes of
///   sum_i m[i] (J(i) - J(i - 1))
/// where m is the errors of the class (1 - p where it is the label, else p) over the pixels that
/// count, from the largest down, equal ones in the order of the pixels, and J(i) is the Jaccard
/// loss of the class when the first i of these pixels are the wrong ones. With only_present the
/// mean is over the classes that are some pixel's label. Writes one value to `loss` and, where
/// `dlogits` is not null, the gradient by the logits, in which the order is a constant and the sum
/// of p, which was rounded, counts as 1. Both are 0 where nothing counts.
template <Device D, class T>
void lovasz_softmax(const PixelLabels<T>& labels, int64_t images, bool only_present, const T* p,
                    T* loss, T* dlogits);

}  // namespace pixelgrad::kernels

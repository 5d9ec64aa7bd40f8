#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

struct CrossEntropySpec {
  int32_t ignore_index = 255;  ///< pixels with this label do not count; checked before the range
  Tensor class_weights = {};   ///< [K], of the logits' dtype; undefined: all 1
  double label_smoothing = 0;  ///< in [0, 1]: this share of the target is spread over all classes
};

/// Softmax cross entropy of logits [...,K] and labels [...] of i32, as a scalar: the mean over
/// pixels that are not ignored, each weighted by its class (so divided by the sum of the weights),
/// with PyTorch's rule for smoothing. Where no pixel counts the loss is 0, and so is the gradient.
/// Throws DataError, naming the pixel, for a label that is neither ignore_index nor in [0, K).
/// The gradient is computed with the loss, in one pass over the logits, and kept in place of them.
Tensor cross_entropy(const Tensor& logits, const Tensor& labels, const CrossEntropySpec& spec = {});

}  // namespace pixelgrad

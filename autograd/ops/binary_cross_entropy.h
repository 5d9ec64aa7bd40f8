#pragma once
#include "autograd/graph.h"

namespace pixelgrad {

struct BinaryCrossEntropySpec {
  int32_t ignore_index = 255;  ///< logits with this label do not count
  Tensor pos_weight = {};      ///< [K], of the logits' dtype: weighs label 1; undefined: all 1
};

/// Binary cross entropy of logits [...,K] and labels of i32, as a scalar: each logit says yes or no
/// by itself, with a label of its own, so that labels are [...,K] of 0 and 1; where K is 1 they may
/// be [...], a mask. With s = sigmoid(logit) the loss is the mean over the labels that count of
/// -pos_weight log s where the label is 1, and of -log(1 - s) where it is 0: as in PyTorch, the
/// divisor is the number of labels, whatever pos_weight. Where none counts, loss and gradient are
/// 0. Finite for logits of any size. Throws DataError, naming the pixel, for another label. The
/// gradient is computed with the loss, and is what is kept.
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& labels,
                                        const BinaryCrossEntropySpec& spec = {});

}  // namespace pixelgrad

#pragma once
#include "autograd/graph.h"

// Losses of logits [...,K] and labels [...] of i32 that are a mean over pixels, as a scalar. In all
// of them a pixel whose label is ignore_index does not count, each other pixel has the weight of
// its class, and the mean divides by the sum of these weights. Where no pixel counts, loss and
// gradient are 0. A label that is neither ignore_index nor in [0, K) throws DataError, naming the
// pixel. The gradient is computed with the loss, in one pass over the logits, and is what is kept.
namespace pixelgrad {

struct CrossEntropySpec {
  int32_t ignore_index = 255;  ///< pixels with this label do not count; checked before the range
  Tensor class_weights = {};   ///< [K], of the logits' dtype; undefined: all 1
  double label_smoothing = 0;  ///< in [0, 1]: this share of the target is spread over all classes
};

/// Softmax cross entropy: the mean of -log p[label] with p = softmax(logits). With label smoothing
/// a (Szegedy et al., "Rethinking the Inception architecture", CVPR 2016, section 7) the target is
/// 1 - a for the label and a / K for every class, each weighted by its class, while the mean
/// divides by the weights of the labels alone, as in PyTorch.
Tensor cross_entropy(const Tensor& logits, const Tensor& labels, const CrossEntropySpec& spec = {});

struct FocalLossSpec {
  int32_t ignore_index = 255;  ///< as for cross_entropy
  Tensor class_weights = {};   ///< [K]: the paper's alpha; undefined: all 1
  double gamma = 2;            ///< at least 0; 0 is cross_entropy
};

/// Focal loss (Lin et al., "Focal loss for dense object detection", ICCV 2017, equation 5) in its
/// multi-class form: the mean of (1 - p[label])^gamma (-log p[label]) with p = softmax(logits).
Tensor focal_loss(const Tensor& logits, const Tensor& labels, const FocalLossSpec& spec = {});

struct OhemSpec {
  int32_t ignore_index = 255;  ///< as for cross_entropy
  Tensor class_weights = {};   ///< [K]; undefined: all 1
  double threshold = 0.7;      ///< pixels with p[label] below it are hard
  int64_t min_kept = 100'000;  ///< hard pixels there are at least, in the whole batch
};

/// Cross entropy with online hard example mining (Wu, Shen and van den Hengel, "High-performance
/// semantic segmentation using very deep fully convolutional networks", 2016: online bootstrapping;
/// after Shrivastava et al., CVPR 2016): the mean over the pixels with p[label] < threshold or,
/// where those are fewer than min_kept, over the min_kept pixels with the lowest p[label], the
/// first of equals, or all there are. The choice is a constant in the gradient.
Tensor ohem_cross_entropy(const Tensor& logits, const Tensor& labels, const OhemSpec& spec = {});

}  // namespace pixelgrad

#pragma once
#include "autograd/graph.h"

// Losses that compare whole regions: for each class, the pixels that were predicted with those that
// are true, over the batch. logits [...,K], labels [...] of i32; a scalar. A pixel whose label is
// ignore_index does not count. The loss is a weighted mean over classes, sum w[k] loss[k] / sum
// w[k] with w = class_weights. Where no pixel counts, loss and gradient are 0. A label that is
// neither ignore_index nor in [0, K) throws DataError, naming the pixel. The gradient is computed
// with the loss, and is what is kept.
//
// Dice, Jaccard and Tversky losses count softly: with p = softmax(logits),
//   TP = sum of p[k] where the label is k,  FP = sum of p[k] elsewhere,  FN = pixels of k - TP
//   score[k] = (TP + smooth) / max(TP + alpha FP + beta FN + smooth, eps)
//   loss[k] = 1 - score[k], or -log(max(score[k], eps)) with log_loss
// and 0 for a class that no pixel has: these are the definitions of segmentation_models.pytorch.
namespace pixelgrad {

/// Which classes the mean over classes is taken of.
enum class ClassMean : uint8_t {
  all,      ///< all K
  present,  ///< those that are the label of a pixel that counts
};

struct RegionLossSpec {
  int32_t ignore_index = 255;  ///< pixels with this label do not count; checked before the range
  Tensor class_weights = {};   ///< [K], of the logits' dtype; undefined: all 1
  /// With `all`, an absent class adds 0 and counts nevertheless, so that the loss of a batch with
  /// few of the classes is small.
  ClassMean mean_over = ClassMean::all;
  bool log_loss = false;
  double smooth = 0;
  double eps = 1e-7;
};

/// Dice loss (Milletari, Navab and Ahmadi, "V-Net", 3DV 2016, section 3, without its squares):
/// alpha = beta = 1/2, so that score = 2 TP / (predicted + true).
Tensor dice_loss(const Tensor& logits, const Tensor& labels, const RegionLossSpec& spec = {});

/// Jaccard loss, or soft IoU (Rahman and Wang, "Optimizing intersection-over-union in deep neural
/// networks for image segmentation", ISVC 2016): alpha = beta = 1, so that score = TP / union.
Tensor jaccard_loss(const Tensor& logits, const Tensor& labels, const RegionLossSpec& spec = {});

struct TverskyLossSpec {
  int32_t ignore_index = 255;  ///< this and what follows up to eps: as in RegionLossSpec
  Tensor class_weights = {};
  ClassMean mean_over = ClassMean::all;
  bool log_loss = false;
  double smooth = 0;
  double eps = 1e-7;
  double alpha = 0.5;  ///< what a false positive costs
  double beta = 0.5;   ///< what a false negative costs
  double gamma = 1;    ///< the mean over classes is raised to this power; more than 0
};

/// Tversky loss (Salehi, Erdogmus and Gholipour, "Tversky loss function for image segmentation
/// using 3D fully convolutional deep networks", MLMI 2017).
Tensor tversky_loss(const Tensor& logits, const Tensor& labels, const TverskyLossSpec& spec = {});

struct LovaszSoftmaxSpec {
  int32_t ignore_index = 255;  ///< pixels with this label do not count; checked before the range
  Tensor class_weights = {};   ///< [K], of the logits' dtype; undefined: all 1
  ClassMean mean_over = ClassMean::present;
  bool per_image = false;  ///< a mean over images, dimension 0, instead of one set of pixels
};

/// Lovasz-Softmax loss (Berman, Rannen Triki and Blaschko, "The Lovasz-softmax loss: a tractable
/// surrogate for the optimization of the intersection-over-union measure in neural networks", CVPR
/// 2018): for each class, the Lovasz extension of the Jaccard loss, taken at
/// the errors 1 - p[k] of the pixels labelled k and p[k] of the others, p = softmax(logits). Errors
/// are sorted, equal ones in the order of the pixels; the order is a constant in the gradient. With
/// per_image, images without a pixel that counts are left out of the mean; with ClassMean::all an
/// absent class costs its largest error.
Tensor lovasz_softmax(const Tensor& logits, const Tensor& labels,
                      const LovaszSoftmaxSpec& spec = {});

}  // namespace pixelgrad

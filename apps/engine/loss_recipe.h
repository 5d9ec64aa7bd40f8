#pragma once
#include <string>
#include <vector>

#include "autograd/ops/weighted_sum.h"
#include "models/model.h"

// The loss of a training run, from its words: "cross_entropy", "dice", "cross_entropy+0.5*dice".
namespace pixelgrad {

/// One of the losses in a sum.
struct LossTerm {
  double weight = 1;
  std::string name;
};

/// cross_entropy, dice, ...
std::vector<std::string> loss_names();

/// Terms NAME or WEIGHT*NAME with a + between them. Throws UsageError, which lists the names, for
/// one that there is not, and for a weight that is not a positive number.
std::vector<LossTerm> parse_loss(const std::string& text);

/// What the losses of a sum have in common.
struct LossOptions {
  int32_t ignore_index = 255;
  Tensor class_weights = {};   ///< for all of them; undefined: all 1
  double label_smoothing = 0;  ///< of cross_entropy
};

/// The weighted sum of the losses, with the defaults of autograd/ops. Throws UsageError where
/// labels are to be smoothed and there is no cross_entropy.
LabelLoss make_label_loss(const std::vector<LossTerm>& terms, const LossOptions& options);

/// `loss` of a network's logits and, with its weight, of those of its auxiliary head, if there are
/// any. Labels are [N,h,w] for logits [N,h,w,classes].
Tensor output_loss(const ModelOutput& out, const Tensor& labels, const LabelLoss& loss);

}  // namespace pixelgrad

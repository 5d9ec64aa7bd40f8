#pragma once
#include <functional>
#include <vector>

#include "autograd/graph.h"

namespace pixelgrad {

/// A term of a weighted sum.
struct Weighted {
  double weight = 1;
  Tensor value;
};

/// The sum of weight * value over all terms, of one shape and dtype: several losses as one,
/// weighted_sum({{1, cross_entropy(z, labels)}, {0.5, dice_loss(z, labels)}}). Keeps nothing.
Tensor weighted_sum(const std::vector<Weighted>& terms);

/// A loss of logits [N,H,W,K] and labels [N,H,W], with its options inside.
using LabelLoss = std::function<Tensor(const Tensor& logits, const Tensor& labels)>;

struct DeepSupervisionSpec {
  bool align_corners = false;  ///< how logits are resized (see UpsampleSpec)
};

/// Deep supervision: one loss for several outputs of a network, the weighted sum of what `loss`
/// gives for each, as deep_supervision({{1, out.logits}, {0.4, out.aux}}, labels, loss) with the
/// weight of PSPNet (Lee et al., "Deeply-supervised nets", AISTATS 2015; Zhao et al., "Pyramid
/// scene parsing network", CVPR 2017, section 4). Labels are [N,H,W]; logits [N,h,w,K] of another
/// size are resized to H x W, bilinearly, because labels cannot be resized without inventing or
/// losing some. Keeps what `loss` keeps.
Tensor deep_supervision(const std::vector<Weighted>& outputs, const Tensor& labels,
                        const LabelLoss& loss, const DeepSupervisionSpec& spec = {});

}  // namespace pixelgrad

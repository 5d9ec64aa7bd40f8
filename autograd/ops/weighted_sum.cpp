#include "autograd/ops/weighted_sum.h"

#include "autograd/ops/arithmetic.h"
#include "autograd/ops/checks_internal.h"
#include "autograd/ops/upsample.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad {

Tensor weighted_sum(const std::vector<Weighted>& terms) {
  check(!terms.empty(), "[weighted_sum] got no terms, expected at least one");
  Tensor sum;
  for (size_t i = 0; i < terms.size(); ++i) {
    const Tensor& value = terms[i].value;
    check_floating("weighted_sum", "a term", value);
    check(value.shape() == terms[0].value.shape(), "[weighted_sum] term ", i, " is ", value.shape(),
          " and term 0 ", terms[0].value.shape(), ", expected one shape");
    check_same_kind("weighted_sum", "term 0", terms[0].value, "another", value);
    const Tensor term = scale(value, terms[i].weight);
    sum = sum ? add(sum, term) : term;
  }
  return sum;
}

Tensor deep_supervision(const std::vector<Weighted>& outputs, const Tensor& labels,
                        const LabelLoss& loss, const DeepSupervisionSpec& spec) {
  check(!outputs.empty(), "[deep_supervision] got no logits, expected at least one");
  check(loss != nullptr, "[deep_supervision] the loss is empty");
  check(labels.defined() && labels.dims() == 3, "[deep_supervision] labels are ",
        labels.defined() ? to_string(labels.shape()) : "undefined", ", expected [N,H,W]");
  const int64_t height = labels.shape(1), width = labels.shape(2);
  std::vector<Weighted> losses;
  for (const Weighted& output : outputs) {
    Tensor logits = output.value;
    check_floating("deep_supervision", "an output", logits);
    check(logits.dims() == 4, "[deep_supervision] logits are ", logits.shape(),
          ", expected [N,h,w,K]");
    if (logits.shape(1) != height || logits.shape(2) != width)
      logits = upsample(logits, height, width,
                        {.mode = UpsampleMode::bilinear, .align_corners = spec.align_corners});
    losses.push_back({PIXELGRAD_MUTANT(deep_supervision_without_weights, output.weight, 1.0),
                      loss(logits, labels)});
  }
  return weighted_sum(losses);
}

}  // namespace pixelgrad

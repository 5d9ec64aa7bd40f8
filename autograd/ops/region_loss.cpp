#include "autograd/ops/region_loss.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops/label_loss_internal.h"
#include "tensor/kernels/class_overlap.h"
#include "tensor/kernels/lovasz.h"
#include "tensor/kernels/softmax.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad {
namespace {

Tensor softmax_of(const Tensor& logits) {
  Tensor p = Tensor::empty(logits.shape(), logits.dtype(), logits.device());
  const int64_t classes = logits.shape(-1);
  dispatch(logits, [&]<Device D, class T>() {
    kernels::softmax_forward<D, T>(logits.numel() / classes, classes, logits.data<T>(),
                                   p.mutable_data<T>());
  });
  return p;
}

/// A loss and its derivatives by a class's TP and by the sum of its probabilities, TP + FP.
struct ClassLoss {
  double value = 0, doverlap = 0, dpredicted = 0;
};

ClassLoss tversky_of_class(const TverskyLossSpec& spec, double overlap, double predicted,
                           double truth) {
  const double alpha = PIXELGRAD_MUTANT(tversky_alpha_and_beta_swapped, spec.alpha, spec.beta);
  const double beta = PIXELGRAD_MUTANT(tversky_alpha_and_beta_swapped, spec.beta, spec.alpha);
  const double above = overlap + spec.smooth;
  const double below = overlap + alpha * (predicted - overlap) + beta * (truth - overlap) +
                       PIXELGRAD_MUTANT(tversky_smooth_only_above, spec.smooth, 0.0);
  const bool clamped = below < spec.eps;
  const double divisor = clamped ? spec.eps : below, score = above / divisor;
  // d score / d below = -score / divisor, and below holds the overlap (1 - alpha - beta) times
  const double by_below = clamped ? 0 : -score / divisor;
  const double by_overlap = 1 / divisor + by_below * (1 - alpha - beta);
  const double by_predicted =
      PIXELGRAD_MUTANT(tversky_backward_without_false_positives, by_below * alpha, 0.0);
  const double by_score = !spec.log_loss ? -1 : score > spec.eps ? -1 / score : 0;
  return {.value = spec.log_loss ? -std::log(std::max(score, spec.eps)) : 1 - score,
          .doverlap = by_score * by_overlap,
          .dpredicted = by_score * by_predicted};
}

void check_region(const char* op, const TverskyLossSpec& spec) {
  check(spec.smooth >= 0 && spec.eps > 0, "[", op, "] smooth is ", spec.smooth, " and eps ",
        spec.eps, ", expected at least 0 and more than 0");
  check(spec.alpha >= 0 && spec.beta >= 0, "[", op, "] alpha is ", spec.alpha, " and beta ",
        spec.beta, ", expected at least 0");
  check(spec.gamma > 0, "[", op, "] gamma is ", spec.gamma, ", expected more than 0");
}

Tensor region_loss(const char* op, const Tensor& logits, const Tensor& labels,
                   const TverskyLossSpec& spec) {
  const CheckedLabels checked =
      check_label_loss(op, logits, labels, spec.ignore_index, spec.class_weights);
  check_region(op, spec);
  const int64_t classes = checked.classes;
  Tensor p = softmax_of(logits);
  Tensor counts = Tensor::empty({3, classes}, Dtype::f64, logits.device());
  dispatch(logits, [&]<Device D, class T>() {
    double* overlap = counts.mutable_data<double>();
    kernels::class_overlap<D, T>(checked.view<T>(), p.data<T>(), overlap, overlap + classes,
                                 overlap + 2 * classes);
  });

  // mean = sum w loss / sum w over classes, and loss = mean^gamma
  const std::vector<double> count = counts.to_doubles();
  const std::vector<double> weights = spec.class_weights
                                          ? spec.class_weights.to_doubles()
                                          : std::vector<double>(static_cast<size_t>(classes), 1);
  std::vector<double> derivatives(static_cast<size_t>(2 * classes));  // by overlap, by predicted
  double mean = 0, total_weight = 0;
  for (size_t k = 0, n = weights.size(); k < n; ++k) {
    const bool present = count[2 * n + k] > 0;
    if (present || spec.mean_over == ClassMean::all) total_weight += weights[k];
    if (!present) continue;
    const ClassLoss loss = tversky_of_class(spec, count[k], count[n + k], count[2 * n + k]);
    mean += weights[k] * loss.value;
    derivatives[k] = weights[k] * loss.doverlap;
    derivatives[n + k] = weights[k] * loss.dpredicted;
  }
  mean = total_weight != 0 ? std::max(mean / total_weight, 0.0) : 0;  // in this order a NaN stays
  // d loss / d mean; at a mean of 0 there is nothing to gain, and a power below 1 has no slope.
  const double slope = mean == 0 && spec.gamma < 1
                           ? 0
                           : PIXELGRAD_MUTANT(tversky_backward_without_power,
                                              spec.gamma * std::pow(mean, spec.gamma - 1), 1.0);
  for (double& d : derivatives) d *= total_weight != 0 ? slope / total_weight : 0;

  const Tensor loss = Tensor::scalar(std::pow(mean, spec.gamma), logits.dtype(), logits.device());
  if (!grad_enabled() || !needs_grad(logits)) return record_loss(op, loss, logits, {});
  const Tensor by_counts = Tensor::from({2, classes}, derivatives).to(logits.device());
  dispatch(logits, [&]<Device D, class T>() {
    const double* by_overlap = by_counts.data<double>();
    T* values = p.mutable_data<T>();
    kernels::class_overlap_backward<D, T>(checked.view<T>(), values, by_overlap,
                                          by_overlap + classes, values);
  });
  return record_loss(op, loss, logits, p);
}

TverskyLossSpec with_costs(const RegionLossSpec& spec, double cost) {
  return {.ignore_index = spec.ignore_index,
          .class_weights = spec.class_weights,
          .mean_over = spec.mean_over,
          .log_loss = spec.log_loss,
          .smooth = spec.smooth,
          .eps = spec.eps,
          .alpha = cost,
          .beta = cost};
}

}  // namespace

Tensor dice_loss(const Tensor& logits, const Tensor& labels, const RegionLossSpec& spec) {
  return region_loss("dice_loss", logits, labels, with_costs(spec, 0.5));
}

Tensor jaccard_loss(const Tensor& logits, const Tensor& labels, const RegionLossSpec& spec) {
  return region_loss("jaccard_loss", logits, labels, with_costs(spec, 1));
}

Tensor tversky_loss(const Tensor& logits, const Tensor& labels, const TverskyLossSpec& spec) {
  return region_loss("tversky_loss", logits, labels, spec);
}

Tensor lovasz_softmax(const Tensor& logits, const Tensor& labels, const LovaszSoftmaxSpec& spec) {
  const CheckedLabels checked =
      check_label_loss("lovasz_softmax", logits, labels, spec.ignore_index, spec.class_weights);
  check(!spec.per_image || logits.dims() >= 2, "[lovasz_softmax] per_image needs images [N,...,K],",
        " got logits ", logits.shape());
  const int64_t images = spec.per_image ? logits.shape(0) : 1;
  const Tensor p = softmax_of(logits);
  Tensor loss = Tensor::empty({}, logits.dtype(), logits.device());
  Tensor dlogits = gradient_buffer(logits);
  dispatch(logits, [&]<Device D, class T>() {
    kernels::lovasz_softmax<D, T>(checked.view<T>(), images, spec.mean_over == ClassMean::present,
                                  p.data<T>(), loss.mutable_data<T>(),
                                  mutable_data_or_null<T>(dlogits));
  });
  return record_loss("lovasz_softmax", loss, logits, dlogits);
}

}  // namespace pixelgrad

#pragma once
#include <cmath>
#include <cstdint>

#include "tensor/device.h"
#include "tensor/mutant_internal.h"

// Dice, Jaccard and Tversky losses, from the soft counts of class_overlap.h. The formulas are
// written once; they read three numbers of each class, so one thread is enough.
namespace pixelgrad::kernels {

/// Of a class with the counts TP, TP + FP and TP + FN:
///   score = (TP + smooth) / (TP + alpha FP + beta FN + smooth),  loss = 1 - score or -log score
/// and of all: loss = (sum of w loss / sum of w)^gamma.
struct TverskyRule {
  double alpha, beta, smooth, eps, gamma;
  bool log_loss;
  bool mean_over_all;  ///< also over classes without a pixel, whose loss is 0
};

/// A class's loss and its derivatives by TP and by the sum of its probabilities, TP + FP.
struct TverskyClass {
  double value, doverlap, dpredicted;

  PIXELGRAD_HD TverskyClass(const TverskyRule& rule, double overlap, double predicted,
                            double truth) {
    const double alpha = PIXELGRAD_MUTANT(tversky_alpha_and_beta_swapped, rule.alpha, rule.beta);
    const double beta = PIXELGRAD_MUTANT(tversky_alpha_and_beta_swapped, rule.beta, rule.alpha);
    const double above = overlap + rule.smooth;
    const double below = overlap + alpha * (predicted - overlap) + beta * (truth - overlap) +
                         PIXELGRAD_MUTANT(tversky_smooth_only_above, rule.smooth, 0.0);
    const bool clamped = below < rule.eps;
    const double divisor = clamped ? rule.eps : below, score = above / divisor;
    // d score / d below = -score / divisor, and below holds the overlap (1 - alpha - beta) times
    const double by_below = clamped ? 0 : -score / divisor;
    const double by_overlap = 1 / divisor + by_below * (1 - alpha - beta);
    const double by_predicted =
        PIXELGRAD_MUTANT(tversky_backward_without_false_positives, by_below * alpha, 0.0);
    const double by_score = !rule.log_loss ? -1 : score > rule.eps ? -1 / score : 0;
    value = rule.log_loss ? -std::log(score < rule.eps ? rule.eps : score) : 1 - score;
    doverlap = by_score * by_overlap;
    dpredicted = by_score * by_predicted;
  }
};

/// The loss. counts [3, classes]: overlap, predicted and truth. derivatives [2, classes]: by
/// overlap and by predicted. class_weights [classes], or null where all are 1.
template <class T>
PIXELGRAD_HD double tversky_of_counts(const TverskyRule& rule, int64_t classes,
                                      const T* class_weights, const double* counts,
                                      double* derivatives) {
  double mean = 0, total_weight = 0;
  for (int64_t k = 0; k < classes; ++k) {
    const double weight = class_weights ? static_cast<double>(class_weights[k]) : 1;
    const double truth = counts[2 * classes + k];
    derivatives[k] = derivatives[classes + k] = 0;
    if (truth > 0 || rule.mean_over_all) total_weight += weight;
    if (!(truth > 0)) continue;
    const TverskyClass loss(rule, counts[k], counts[classes + k], truth);
    mean += weight * loss.value;
    derivatives[k] = weight * loss.doverlap;
    derivatives[classes + k] = weight * loss.dpredicted;
  }
  if (total_weight != 0) {
    mean /= total_weight;
    if (mean < 0) mean = 0;  // a NaN stays
  } else {
    mean = 0;
  }
  // d loss / d mean; at a mean of 0 there is nothing to gain, and a power below 1 has no slope.
  const double slope = mean == 0 && rule.gamma < 1
                           ? 0
                           : PIXELGRAD_MUTANT(tversky_backward_without_power,
                                              rule.gamma * std::pow(mean, rule.gamma - 1), 1.0);
  const double factor = total_weight != 0 ? slope / total_weight : 0;
  for (int64_t k = 0; k < 2 * classes; ++k) derivatives[k] *= factor;
  return std::pow(mean, rule.gamma);
}

/// *loss = tversky_of_counts, and its derivatives.
template <Device D, class T>
void tversky_loss(const TverskyRule& rule, int64_t classes, const T* class_weights,
                  const double* counts, T* loss, double* derivatives);

}  // namespace pixelgrad::kernels

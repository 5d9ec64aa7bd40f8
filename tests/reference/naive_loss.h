#pragma once
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "tests/reference/naive_array.h"

// Losses of logits, pixels by classes, as their formulas say.
namespace pixelgrad::naive {

using Labels = std::vector<int32_t>;
using Weights = std::vector<double>;  ///< of classes

inline Array log_softmax(const Array& x) {
  Array y(x.shape);
  for (int64_t p = 0; p < x.pixels(); ++p) {
    double largest = x.at(p, 0), total = 0;
    for (int64_t k = 0; k < x.channels(); ++k) largest = std::max(largest, x.at(p, k));
    for (int64_t k = 0; k < x.channels(); ++k) total += std::exp(x.at(p, k) - largest);
    for (int64_t k = 0; k < x.channels(); ++k) y.at(p, k) = x.at(p, k) - largest - std::log(total);
  }
  return y;
}

inline Array softmax(const Array& x) {
  return map(log_softmax(x), [](double v) { return std::exp(v); });
}

/// Mean over the pixels with a label other than `ignore` of the cross entropy between the smoothed
/// target and softmax(logits), both weighted by class.
inline double cross_entropy(const Array& logits, const Labels& labels, int32_t ignore,
                            const Weights& weights, double smoothing) {
  const Array log_p = log_softmax(logits);
  const int64_t classes = logits.channels();
  double loss = 0, total = 0;
  for (int64_t p = 0; p < logits.pixels(); ++p) {
    const int32_t label = labels[static_cast<size_t>(p)];
    if (label == ignore) continue;
    total += weights[static_cast<size_t>(label)];
    for (int64_t k = 0; k < classes; ++k) {
      const double target =
          (k == label ? 1 - smoothing : 0) + smoothing / static_cast<double>(classes);
      loss -= weights[static_cast<size_t>(k)] * target * log_p.at(p, k);
    }
  }
  return total == 0 ? 0 : loss / total;
}

inline double focal_loss(const Array& logits, const Labels& labels, int32_t ignore,
                         const Weights& weights, double gamma) {
  const Array p = softmax(logits);
  double loss = 0, total = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == ignore) continue;
    const double own = p.at(static_cast<int64_t>(i), labels[i]);
    const double weight = weights[static_cast<size_t>(labels[i])];
    total += weight;
    loss += weight * std::pow(1 - own, gamma) * -std::log(own);
  }
  return total == 0 ? 0 : loss / total;
}

/// The labels, with `ignore` where a pixel is neither below the threshold nor among the min_kept
/// with the lowest probability of their class.
inline Labels hard_labels(const Array& logits, const Labels& labels, int32_t ignore,
                          double threshold, int64_t min_kept) {
  const Array p = softmax(logits);
  std::vector<std::pair<double, size_t>> order;
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] != ignore) order.emplace_back(p.at(static_cast<int64_t>(i), labels[i]), i);
  std::sort(order.begin(), order.end());
  Labels kept(labels.size(), ignore);
  int64_t rank = 0;
  for (const auto& [probability, i] : order)
    if (rank++ < min_kept || probability < threshold) kept[i] = labels[i];
  return kept;
}

/// Logits and labels of 0 and 1, one beside the other; pos_weight of each channel.
inline double binary_cross_entropy(const Array& logits, const Labels& labels, int32_t ignore,
                                   const Weights& pos_weight) {
  double loss = 0, count = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == ignore) continue;
    const double z = logits.values[i];
    loss += labels[i] == 1 ? pos_weight[i % pos_weight.size()] * std::log(1 + std::exp(-z))
                           : std::log(1 + std::exp(z));
    count += 1;
  }
  return count == 0 ? 0 : loss / count;
}

struct Tversky {
  double alpha, beta, gamma, smooth, eps;
  bool log_loss, present_only;
};

inline double tversky_loss(const Array& logits, const Labels& labels, int32_t ignore,
                           const Weights& weights, const Tversky& t) {
  const Array p = softmax(logits);
  double loss = 0, total = 0;
  for (int64_t k = 0; k < logits.channels(); ++k) {
    double tp = 0, fp = 0, fn = 0;
    bool present = false;
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] == ignore) continue;
      const double mine = p.at(static_cast<int64_t>(i), k);
      if (labels[i] == k) {
        present = true;
        tp += mine;
        fn += 1 - mine;
      } else {
        fp += mine;
      }
    }
    const double weight = weights[static_cast<size_t>(k)];
    if (present || !t.present_only) total += weight;
    if (!present) continue;
    const double score =
        (tp + t.smooth) / std::max(tp + t.alpha * fp + t.beta * fn + t.smooth, t.eps);
    loss += weight * (t.log_loss ? -std::log(std::max(score, t.eps)) : 1 - score);
  }
  return total == 0 ? 0 : std::pow(loss / total, t.gamma);
}

/// The Lovasz extension of the Jaccard loss of class k by its definition on sets: for the i pixels
/// with the largest errors, |wrong| / |of the class or wrong|, at each i weighed with by how much
/// the error falls to the next.
inline double lovasz_of_class(const std::vector<double>& probability, const Labels& labels,
                              int32_t k) {
  const size_t n = labels.size();
  std::vector<double> error(n);
  for (size_t i = 0; i < n; ++i) error[i] = labels[i] == k ? 1 - probability[i] : probability[i];
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return error[a] > error[b]; });
  double loss = 0;
  for (size_t i = 1; i <= n; ++i) {
    double united = 0;
    for (size_t j = 0; j < n; ++j) united += j < i || labels[order[j]] == k;
    const double next = i < n ? error[order[i]] : 0;
    loss += (error[order[i - 1]] - next) * static_cast<double>(i) / united;
  }
  return loss;
}

/// Mean over `images` equal parts of the pixels of the weighted mean over classes.
inline double lovasz_softmax(const Array& logits, const Labels& labels, int32_t ignore,
                             const Weights& weights, int64_t images, bool present_only) {
  const Array p = softmax(logits);
  const size_t pixels = labels.size() / static_cast<size_t>(images);
  double loss = 0, counted = 0;
  for (size_t begin = 0; begin < labels.size(); begin += pixels) {
    std::vector<size_t> valid;
    for (size_t i = begin; i < begin + pixels; ++i)
      if (labels[i] != ignore) valid.push_back(i);
    if (valid.empty()) continue;
    double sum = 0, total = 0;
    for (int32_t k = 0; k < logits.channels(); ++k) {
      std::vector<double> probability;
      Labels own;
      for (size_t i : valid) {
        probability.push_back(p.at(static_cast<int64_t>(i), k));
        own.push_back(labels[i]);
      }
      if (present_only && std::count(own.begin(), own.end(), k) == 0) continue;
      sum += weights[static_cast<size_t>(k)] * lovasz_of_class(probability, own, k);
      total += weights[static_cast<size_t>(k)];
    }
    loss += sum / total;
    counted += 1;
  }
  return counted == 0 ? 0 : loss / counted;
}

}  // namespace pixelgrad::naive

#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/reference/naive_array.h"

namespace pixelgrad::naive {

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

/// Mean over the pixels with a label other than `ignore` of the cross entropy between the smoothed
/// target and softmax(logits), both weighted by class.
inline double cross_entropy(const Array& logits, const std::vector<int32_t>& labels, int32_t ignore,
                            const std::vector<double>& weights, double smoothing) {
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

}  // namespace pixelgrad::naive

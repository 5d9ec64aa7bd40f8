#pragma once
#include <cmath>

#include "tests/reference/naive_array.h"

namespace pixelgrad::naive {

struct Statistics {
  std::vector<double> mean, variance;  ///< of each channel; the variance is biased
};

inline Statistics statistics(const Array& x) {
  Statistics s;
  const double n = static_cast<double>(x.pixels());
  for (int64_t c = 0; c < x.channels(); ++c) {
    double mean = 0, variance = 0;
    for (int64_t p = 0; p < x.pixels(); ++p) mean += x.at(p, c) / n;
    for (int64_t p = 0; p < x.pixels(); ++p) variance += std::pow(x.at(p, c) - mean, 2) / n;
    s.mean.push_back(mean);
    s.variance.push_back(variance);
  }
  return s;
}

inline Array batch_norm(const Array& x, const Statistics& s, const std::vector<double>& gamma,
                        const std::vector<double>& beta, double eps) {
  Array y(x.shape);
  for (int64_t p = 0; p < x.pixels(); ++p)
    for (int64_t c = 0; c < x.channels(); ++c) {
      const size_t k = static_cast<size_t>(c);
      y.at(p, c) = gamma[k] * (x.at(p, c) - s.mean[k]) / std::sqrt(s.variance[k] + eps) + beta[k];
    }
  return y;
}

}  // namespace pixelgrad::naive

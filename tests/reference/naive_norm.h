#pragma once
#include <cmath>
#include <map>

#include "tests/reference/naive_array.h"

namespace pixelgrad::naive {

struct Statistics {
  double mean = 0, variance = 0;  ///< the variance is biased
};

/// Mean and variance of the values that have the same group_of(index).
template <class GroupOf>
std::map<int64_t, Statistics> statistics(const Array& x, const GroupOf& group_of) {
  std::map<int64_t, std::vector<double>> groups;
  for (size_t i = 0; i < x.values.size(); ++i)
    groups[group_of(static_cast<int64_t>(i))].push_back(x.values[i]);
  std::map<int64_t, Statistics> result;
  for (const auto& [group, values] : groups) {
    Statistics s;
    const double n = static_cast<double>(values.size());
    for (double v : values) s.mean += v / n;
    for (double v : values) s.variance += std::pow(v - s.mean, 2) / n;
    result[group] = s;
  }
  return result;
}

/// Each value by the statistics of its group, then times gamma and plus beta of its channel, which
/// is the index modulo their number; both may be empty.
template <class GroupOf>
Array normalize(const Array& x, const std::map<int64_t, Statistics>& groups,
                const GroupOf& group_of, const std::vector<double>& gamma,
                const std::vector<double>& beta, double eps) {
  Array y(x.shape);
  for (size_t i = 0; i < x.values.size(); ++i) {
    const Statistics& s = groups.at(group_of(static_cast<int64_t>(i)));
    y.values[i] = (x.values[i] - s.mean) / std::sqrt(s.variance + eps);
    if (!gamma.empty()) y.values[i] *= gamma[i % gamma.size()];
    if (!beta.empty()) y.values[i] += beta[i % beta.size()];
  }
  return y;
}

}  // namespace pixelgrad::naive

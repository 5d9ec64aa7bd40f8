#pragma once
#include <algorithm>
#include <vector>

namespace pixelgrad::bench {

/// The middle of the values, of an even number the mean of the two; at least one.
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace pixelgrad::bench

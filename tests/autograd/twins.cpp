#include "tests/autograd/twins.h"

#include <algorithm>
#include <cmath>

namespace pixelgrad {

const Twins& all_twins() {
  static const Twins all = [] {
    Twins merged;
    for (auto* family :
         {arithmetic_twins, convolution_twins, loss_twins, matmul_twins, normalization_twins,
          pointwise_twins, pooling_twins, reduction_twins, resize_twins, shape_twins})
      merged.merge(family());
    return merged;
  }();
  return all;
}

TwinErrors compare_with_twin(const OpSample& sample, const Twin& twin) {
  // f64 from f32, so that both precisions see the same numbers.
  std::vector<Tensor> singles, doubles;
  std::vector<naive::Array> arrays;
  for (const Tensor& x : sample.inputs(3)) {
    singles.push_back(x.to(Dtype::f32));
    doubles.push_back(singles.back().to(Dtype::f64));
    arrays.emplace_back(doubles.back());
  }
  const naive::Array expected = twin(arrays, sample.arguments);
  const auto error = [&](const Tensor& y) -> double {
    if (y.shape() != expected.shape) return INFINITY;
    const std::vector<double> values = y.to_doubles();
    double worst = 0, largest = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const double e = std::abs(values[i] - expected.values[i]);
      if (!(e <= worst)) worst = std::isnan(e) ? INFINITY : e;
      largest = std::max(largest, std::abs(expected.values[i]));
    }
    return worst / std::max(largest, 1e-300);
  };
  return {.f64 = error(sample.call(doubles)), .f32 = error(sample.call(singles))};
}

}  // namespace pixelgrad

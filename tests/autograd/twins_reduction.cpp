#include <algorithm>
#include <limits>

#include "autograd/op_cases/arguments.h"
#include "tests/autograd/twins.h"
#include "tests/reference/naive_broadcast.h"

namespace pixelgrad {
namespace {

using naive::Array;

/// Folds over the sample's axes; over everything where it names none.
template <class F>
Array fold(const Array& x, const std::any& any, double start, F f) {
  const auto arguments =
      any.has_value() ? std::any_cast<ReductionArguments>(any) : ReductionArguments{};
  return naive::reduce(x, arguments.axes, arguments.keepdim, start, f);
}

Array sum_twin(const std::vector<Array>& x, const std::any& arguments) {
  return fold(x[0], arguments, 0, [](double a, double b) { return a + b; });
}

Array mean_twin(const std::vector<Array>& x, const std::any& arguments) {
  Array y = sum_twin(x, arguments);
  const double count =
      static_cast<double>(x[0].values.size()) / static_cast<double>(y.values.size());
  for (double& v : y.values) v /= count;
  return y;
}

Array max_twin(const std::vector<Array>& x, const std::any& arguments) {
  return fold(x[0], arguments, -std::numeric_limits<double>::infinity(),
              [](double a, double b) { return std::max(a, b); });
}

}  // namespace

Twins reduction_twins() { return {{"sum", sum_twin}, {"mean", mean_twin}, {"max", max_twin}}; }

}  // namespace pixelgrad

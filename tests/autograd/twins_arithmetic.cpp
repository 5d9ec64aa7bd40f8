#include <cmath>

#include "tests/autograd/twins.h"
#include "tests/reference/naive_broadcast.h"

namespace pixelgrad {
namespace {

using naive::Array;
using Arrays = std::vector<Array>;

/// A function of two numbers; a sample with one input has it on both sides.
template <class F>
Twin both(F f) {
  return [f](const Arrays& x, const std::any&) {
    return naive::map_broadcast(x.front(), x.back(), f);
  };
}

Array pow_twin(const Arrays& x, const std::any& any) {
  const Array exponent = any.has_value() ? Array({}, std::any_cast<double>(any)) : x.back();
  return naive::map_broadcast(x.front(), exponent,
                              [](double a, double b) { return std::pow(a, b); });
}

}  // namespace

Twins arithmetic_twins() {
  return {
      {"add", both([](double a, double b) { return a + b; })},
      {"sub", both([](double a, double b) { return a - b; })},
      {"mul", both([](double a, double b) { return a * b; })},
      {"div", both([](double a, double b) { return a / b; })},
      {"pow", pow_twin},
  };
}

}  // namespace pixelgrad

// What a gradient check found out, as figures and as text.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "autograd/gradcheck.h"

namespace pixelgrad {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string position(const Shape& shape, int64_t index) {
  Shape at(shape.size());
  for (size_t d = shape.size(); d-- > 0; index /= shape[d]) at[d] = index % shape[d];
  return to_string(at);
}

}  // namespace

double GradcheckElement::error() const {
  const double e = std::abs(analytic - numeric);
  return std::isnan(e) ? kInfinity : e;  // a NaN compares as no error at all
}

double GradcheckReport::worst_scaled_error() const {
  double worst = problem.empty() ? 0 : kInfinity;
  for (const GradcheckInput& input : inputs) worst = std::max(worst, input.scaled_error);
  return worst;
}

int64_t GradcheckReport::elements_checked() const {
  int64_t sum = 0;
  for (const GradcheckInput& input : inputs) sum += input.checked;
  return sum;
}

int64_t GradcheckReport::kinks_excluded() const {
  int64_t sum = 0;
  for (const GradcheckInput& input : inputs)
    sum += std::count_if(input.kinks.begin(), input.kinks.end(),
                         [](const GradcheckKink& kink) { return kink.excluded; });
  return sum;
}

std::string GradcheckReport::to_table() const {
  char line[256];
  std::string table;
  const auto add_line = [&](const char* format, auto... values) {
    std::snprintf(line, sizeof line, format, values...);
    table += std::string(line) + "\n";
  };
  add_line("%-4s %-20s %-16s %8s %10s %10s  %-14s %16s %16s %8s", "", "input", "shape", "checked",
           "max |g|", "scaled err", "worst at", "analytic", "numeric", "step");
  for (const GradcheckInput& input : inputs) {
    const GradcheckElement& w = input.worst;
    add_line("%-4s %-20s %-16s %8lld %10.3g %10.3g  %-14s %16.9g %16.9g %8.1g",
             input.passed ? "ok" : "BAD", input.name.c_str(), to_string(input.shape).c_str(),
             static_cast<long long>(input.checked), input.max_gradient, input.scaled_error,
             w.index < 0 ? "-" : position(input.shape, w.index).c_str(), w.analytic, w.numeric,
             w.step);
    for (const GradcheckKink& kink : input.kinks)
      add_line("     kink at %s: analytic %.9g, left %.9g, right %.9g, %s",
               position(input.shape, kink.index).c_str(), kink.analytic, kink.left, kink.right,
               kink.excluded ? "excluded" : "NOT between: an error");
  }
  if (!problem.empty()) table += "BAD  " + problem + "\n";
  add_line("%s: tolerance %g, step %g, %lld kinks excluded", passed ? "passed" : "FAILED",
           tolerance, step, static_cast<long long>(kinks_excluded()));
  return table;
}

}  // namespace pixelgrad

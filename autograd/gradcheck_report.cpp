// What a gradient check found out, as figures and as text.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "autograd/gradcheck.h"

namespace pixelgrad {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// printf into a string.
template <class... Values>
std::string line(const char* format, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, format, values...);
  return std::string(text) + "\n";
}

std::string element_columns(const Shape& shape, const GradcheckElement& e) {
  return line("%-14s %16.9g %16.9g %8.1g",
              e.index < 0 ? "-" : element_position(shape, e.index).c_str(), e.analytic, e.numeric,
              e.step);
}

}  // namespace

double GradcheckElement::error() const {
  if (excluded) return 0;
  const double e = std::abs(analytic - numeric);
  return std::isnan(e) ? kInfinity : e;  // a NaN compares as no error at all
}

std::vector<GradcheckElement> GradcheckInput::kinks() const {
  std::vector<GradcheckElement> all;
  std::copy_if(elements.begin(), elements.end(), std::back_inserter(all),
               [](const GradcheckElement& e) { return e.kink; });
  return all;
}

double GradcheckReport::worst_scaled_error() const {
  double worst = problem.empty() ? 0 : kInfinity;
  for (const GradcheckInput& input : inputs) worst = std::max(worst, input.scaled_error);
  return worst;
}

int64_t GradcheckReport::elements_checked() const {
  int64_t sum = 0;
  for (const GradcheckInput& input : inputs) sum += static_cast<int64_t>(input.elements.size());
  return sum;
}

int64_t GradcheckReport::kinks_excluded() const {
  int64_t sum = 0;
  for (const GradcheckInput& input : inputs)
    sum += std::count_if(input.elements.begin(), input.elements.end(),
                         [](const GradcheckElement& e) { return e.excluded; });
  return sum;
}

std::string element_position(const Shape& shape, int64_t index) {
  Shape at(shape.size());
  for (size_t d = shape.size(); d-- > 0; index /= shape[d]) at[d] = index % shape[d];
  return to_string(at);
}

std::string error_text(double error, double tolerance) {
  char text[40];
  for (int digits = 2; digits <= 17; ++digits) {
    std::snprintf(text, sizeof text, "%.*e", digits, error);
    if ((std::strtod(text, nullptr) <= tolerance) == (error <= tolerance)) break;
  }
  return text;
}

std::string GradcheckReport::to_table(int64_t elements) const {
  size_t width = 8;
  for (const GradcheckInput& input : inputs) width = std::max(width, input.name.size());
  const int w = static_cast<int>(std::min<size_t>(width, 60));
  std::string table =
      line("%-4s %-*s %-16s %8s %10s %10s  %-14s %16s %16s %8s", "", w, "input", "shape", "checked",
           "max |g|", "scaled err", "worst at", "analytic", "numeric", "step");
  for (const GradcheckInput& input : inputs) {
    std::string row =
        line("%-4s %-*s %-16s %8zu %10.3g %10s  ", input.passed ? "ok" : "BAD", w,
             input.name.c_str(), to_string(input.shape).c_str(), input.elements.size(),
             input.max_gradient, error_text(input.scaled_error, tolerance).c_str());
    row.pop_back();
    table += row + element_columns(input.shape, input.worst());
    for (int64_t k = 1; k < elements && !input.passed; ++k) {
      const auto at = static_cast<size_t>(k);
      if (at >= input.elements.size() || input.elements[at].error() == 0) break;
      table += std::string(row.size(), ' ') + element_columns(input.shape, input.elements[at]);
    }
    for (const GradcheckElement& e : input.kinks())
      table += line("     kink at %s: analytic %.9g, left %.9g, right %.9g, %s",
                    element_position(input.shape, e.index).c_str(), e.analytic, e.left, e.right,
                    e.excluded ? "excluded" : "NOT between: an error");
  }
  if (!problem.empty()) table += "BAD  " + problem + "\n";
  return table + line("%s: tolerance %g, step %g, %lld kinks excluded",
                      passed ? "passed" : "FAILED", tolerance, step,
                      static_cast<long long>(kinks_excluded()));
}

}  // namespace pixelgrad

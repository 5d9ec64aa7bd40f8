#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "autograd/differences_internal.h"
#include "autograd/graph.h"
#include "tensor/dispatch.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The element where the gradient is largest; one that is not finite counts as the largest of all.
int64_t largest_element(const std::vector<double>& gradient) {
  const auto finite_less = [](double a, double b) {
    return std::isfinite(a) && (!std::isfinite(b) || std::abs(a) < std::abs(b));
  };
  return std::max_element(gradient.begin(), gradient.end(), finite_less) - gradient.begin();
}

/// The elements to check: all, or one from each of `samples` strata, the ends included, and the
/// largest gradient, because it is the yardstick for the others.
std::vector<int64_t> choose_elements(const std::vector<double>& gradient,
                                     const GradcheckOptions& options, size_t input) {
  const auto n = static_cast<int64_t>(gradient.size());
  std::vector<int64_t> chosen;
  if (n <= options.check_all_up_to) {
    for (int64_t i = 0; i < n; ++i) chosen.push_back(i);
    return chosen;
  }
  Random random({.seed = options.seed, .stream = stream_of("gradcheck elements"), .step = input});
  const int64_t strata = std::clamp<int64_t>(options.samples, 1, n);
  for (int64_t s = 0; s < strata; ++s) {
    const int64_t begin = n * s / strata, end = n * (s + 1) / strata;
    const int64_t inside = begin + random.below(end - begin);
    chosen.push_back(s == 0 ? 0 : s == strata - 1 ? n - 1 : inside);
  }
  const int64_t largest = largest_element(gradient);
  if (std::find(chosen.begin(), chosen.end(), largest) == chosen.end()) chosen.push_back(largest);
  return chosen;
}

/// Signed numbers of magnitude 0.5 to 1.5.
Tensor random_cotangent(const Tensor& y, uint64_t seed) {
  Random random({.seed = seed, .stream = stream_of("gradcheck cotangent")});
  Tensor v = Tensor::empty(y.shape(), y.dtype());
  for (int64_t i = 0; i < v.numel(); ++i)
    set_element(v, i, random.uniform(0.5, 1.5) * (random.chance(0.5) ? 1 : -1));
  return v.to(y.device());
}

struct Run {
  Tensor value;
  std::vector<Tensor> grads;  // a gradient that backward left out is zero
};

Run run_backward(const DifferentiableFn& fn, const std::vector<Tensor>& leaves, uint64_t seed) {
  for (const Tensor& x : leaves) clear_grad(x);
  Tensor y = fn(leaves);
  check(y.defined() && is_floating(y.dtype()), "[gradcheck] fn gave ",
        y.defined() ? str("a tensor of ", y.dtype()) : "an undefined tensor",
        ", expected f32 or f64");
  Run run{y.detach().clone(), {}};
  if (needs_grad(y)) backward(y, random_cotangent(y, seed));
  for (const Tensor& x : leaves) {
    const Tensor g = grad(x);
    run.grads.push_back(g.defined() ? g : Tensor::zeros(x.shape(), x.dtype(), x.device()));
    clear_grad(x);
  }
  return run;
}

Tensor value_of(const DifferentiableFn& fn, const std::vector<Tensor>& inputs) {
  const NoGrad no_grad;
  return fn(inputs);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const Tensor x = a.to(Device::cpu), y = b.to(Device::cpu);
  return std::memcmp(x.raw(), y.raw(), x.bytes()) == 0;
}

std::string find_problem(const Run& first, const Run& second) {
  if (!same_bits(first.value, second.value))
    return "fn gave another value when it ran again on the same inputs";
  for (size_t i = 0; i < first.grads.size(); ++i)
    if (!same_bits(first.grads[i], second.grads[i]))
      return str("backward gave another gradient of input ", i, " when it ran again");
  return "";
}

/// Settles the elements whose error is over `allowed`, with a smaller step or as kinks; returns how
/// many of them a smaller step served.
int64_t settle(std::vector<GradcheckElement>& elements, const Differences& differences,
               size_t input, double allowed, double smallest) {
  int64_t refined = 0;
  for (GradcheckElement& e : elements) {
    if (e.error() <= allowed) continue;
    const Refined found = refine(differences, input, e.index, e.step, smallest, allowed);
    refined += found.smooth && found.step < e.step / 2;
    e.numeric = found.numeric;
    e.step = found.step;
    if (found.smooth || !found.kink) continue;
    e.kink = true;
    e.left = found.left;
    e.right = found.right;
    e.excluded = e.analytic >= std::min(e.left, e.right) - allowed &&
                 e.analytic <= std::max(e.left, e.right) + allowed;
    // Outside of them it is as wrong as it is far from the nearer slope.
    e.numeric = std::abs(e.analytic - e.left) < std::abs(e.analytic - e.right) ? e.left : e.right;
  }
  return refined;
}

}  // namespace

GradcheckReport gradcheck(const DifferentiableFn& fn, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options) {
  bool single = false;
  std::vector<Tensor> leaves;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& x = inputs[i];
    check(x.defined() && is_floating(x.dtype()), "[gradcheck] input ", i, " is ",
          x.defined() ? str("of ", x.dtype()) : "undefined",
          ", expected f32 or f64 (fn may capture what is not differentiated)");
    single = single || x.dtype() == Dtype::f32;
    leaves.push_back(needs_grad(x) ? x : require_grad(x.detach()));
  }
  const bool mixed = options.backward_dtype == Dtype::f32 && !single;
  GradcheckReport report;
  report.step = options.step > 0 ? options.step : single ? 0x1p-5 : 0x1p-10;
  report.tolerance = options.tolerance > 0 ? options.tolerance
                     : single              ? 2e-3
                     : mixed               ? 1e-4
                                           : 1e-8;
  const double smallest_step = report.step / (single ? 4 : 1024);  // below it, rounding rules

  std::vector<Tensor> backward_leaves = leaves;
  if (mixed)
    for (Tensor& x : backward_leaves) x = require_grad(x.detach().to(Dtype::f32));
  const Run run = run_backward(fn, backward_leaves, options.seed);
  report.problem = find_problem(run, run_backward(fn, backward_leaves, options.seed));
  if (!report.problem.empty()) return report;

  const Tensor value = mixed ? value_of(fn, leaves) : run.value;
  const Differences differences(fn, leaves, random_cotangent(run.value, options.seed).to_doubles(),
                                value.to_doubles());
  double largest = 0;  // gradient of any input
  for (size_t i = 0; i < leaves.size(); ++i) {
    GradcheckInput& input = report.inputs.emplace_back();
    input.name = i < options.names.size() ? options.names[i] : std::to_string(i);
    input.shape = leaves[i].shape();
    const std::vector<double> analytic = run.grads[i].to_doubles();
    if (analytic.empty()) continue;
    input.max_gradient = std::abs(analytic[largest_element(analytic)]);
    largest = std::max(largest, input.max_gradient);
    for (int64_t index : choose_elements(analytic, options, i))
      input.elements.push_back(
          {index, analytic[index], differences.slopes(i, index, report.step).central, report.step});
  }

  report.passed = true;
  for (size_t i = 0; i < leaves.size(); ++i) {
    GradcheckInput& input = report.inputs[i];
    const double scale = std::max({input.max_gradient, 1e-3 * largest, 1e-12});
    if (std::isfinite(scale))
      input.refined =
          settle(input.elements, differences, i, report.tolerance * scale, smallest_step);
    std::stable_sort(
        input.elements.begin(), input.elements.end(),
        [](const GradcheckElement& a, const GradcheckElement& b) { return a.error() > b.error(); });
    input.max_error = input.worst().error();
    input.scaled_error = std::isinf(input.max_error) ? kInfinity : input.max_error / scale;
    input.passed = input.scaled_error <= report.tolerance;
    report.passed = report.passed && input.passed;
  }
  return report;
}

}  // namespace pixelgrad

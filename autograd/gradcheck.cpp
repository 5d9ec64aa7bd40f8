#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "autograd/graph.h"
#include "tensor/dispatch.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double get_element(const Tensor& x, int64_t index) {
  return x.dtype() == Dtype::f32 ? static_cast<double>(x.data<float>()[index])
                                 : x.data<double>()[index];
}

void set_element(Tensor& x, int64_t index, double value) {
  if (x.dtype() == Dtype::f32)
    x.mutable_data<float>()[index] = static_cast<float>(value);
  else
    x.mutable_data<double>()[index] = value;
}

/// One input with one element moved; puts the element back when it dies, also by an exception.
class Nudge {
 public:
  Nudge(const Tensor& x, int64_t index)
      : x_(x), host_(x.to(Device::cpu)), index_(index), original_(get_element(host_, index)) {}
  ~Nudge() { move_to(original_); }
  Nudge(const Nudge&) = delete;
  Nudge& operator=(const Nudge&) = delete;

  void by(double offset) { move_to(original_ + offset); }

 private:
  void move_to(double value) {
    set_element(host_, index_, value);
    if (x_.device() != Device::cpu) x_.copy_from(host_);
  }

  Tensor x_, host_;  // one storage when x is on the CPU
  int64_t index_;
  double original_;
};

/// Derivatives of L along one element, all from the values at 0, +-s and +-2s.
struct Slopes {
  double central = 0;          // error of order s^4
  double left = 0, right = 0;  // from one side each, error of order s^2
  double bend() const { return right - left; }
};

class Differences {
 public:
  Differences(const DifferentiableFn& fn, const std::vector<Tensor>& inputs,
              std::vector<double> cotangent, std::vector<double> value)
      : fn_(fn), inputs_(inputs), cotangent_(std::move(cotangent)), value_(std::move(value)) {}

  /// Output elements are subtracted before they are summed, so that those which the element does
  /// not reach add exact zeros instead of rounding errors.
  Slopes slopes(size_t input, int64_t index, double s) const {
    const NoGrad no_grad;
    Nudge element(inputs_[input], index);
    const auto value_at = [&](double offset) {
      element.by(offset);
      const std::vector<double> y = fn_(inputs_).to_doubles();
      check(y.size() == value_.size(), "[gradcheck] fn gave ", y.size(), " values after input ",
            input, " changed, expected ", value_.size());
      return y;
    };
    const auto m2 = value_at(-2 * s), m1 = value_at(-s), p1 = value_at(s), p2 = value_at(2 * s);
    Slopes sum;
    for (size_t k = 0; k < value_.size(); ++k) {
      const double v = cotangent_[k], y = value_[k];
      sum.central += v * (8 * (p1[k] - m1[k]) - (p2[k] - m2[k]));
      sum.right += v * (4 * (p1[k] - y) - (p2[k] - y));
      sum.left += v * (4 * (y - m1[k]) - (y - m2[k]));
    }
    return {sum.central / (12 * s), sum.left / (2 * s), sum.right / (2 * s)};
  }

 private:
  const DifferentiableFn& fn_;
  const std::vector<Tensor>& inputs_;
  std::vector<double> cotangent_, value_;
};

/// What smaller steps say about an element.
struct Refined {
  bool smooth = false;
  bool kink = false;
  double numeric = 0, step = 0;
  double left = 0, right = 0;  // of the kink
};

/// Looks for a step at which the function is smooth around the element: halving it then neither
/// changes the central difference nor leaves the one-sided ones as far apart as they were. Where
/// there is none, it is a kink if left and right differ by the same amount at many steps; the
/// slopes of a jump of the value, and rounding errors, grow as the step shrinks. `allowed` is the
/// error that passes.
Refined refine(const Differences& differences, size_t input, int64_t index, double step,
               double smallest, double allowed) {
  Refined found;
  bool steady_before = false;
  for (double s = step; s >= smallest; s /= 4) {
    const Slopes wide = differences.slopes(input, index, s);
    const Slopes narrow = differences.slopes(input, index, s / 2);
    const double slack = allowed / 4;
    const bool same_slope = std::abs(wide.central - narrow.central) <= slack;
    // Away from a bend left and right approach each other like s^2: by 4 for every halving.
    const bool closing = std::abs(narrow.bend()) <= std::max(slack, std::abs(wide.bend()) / 2);
    found.smooth = same_slope && closing;
    found.numeric = narrow.central;
    found.step = s / 2;
    if (found.smooth) return found;
    const bool steady = std::abs(narrow.bend()) > allowed &&
                        std::abs(narrow.bend() - wide.bend()) <= 0.1 * std::abs(wide.bend());
    if (steady && steady_before) {
      found.kink = true;
      found.left = narrow.left;
      found.right = narrow.right;
    }
    steady_before = steady;
  }
  return found;
}

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

/// Settles the elements whose error is over `allowed`: with a smaller step, or as kinks.
void settle(GradcheckInput& result, std::vector<GradcheckElement>& elements,
            const Differences& differences, size_t input, double allowed, double smallest) {
  for (GradcheckElement& e : elements) {
    if (e.error() <= allowed) continue;
    const Refined found = refine(differences, input, e.index, e.step, smallest, allowed);
    if (found.smooth && found.step < e.step / 2) ++result.refined;
    e.numeric = found.numeric;
    e.step = found.step;
    if (found.smooth || !found.kink) continue;
    GradcheckKink kink{e.index, e.analytic, found.left, found.right};
    kink.excluded = e.analytic >= std::min(found.left, found.right) - allowed &&
                    e.analytic <= std::max(found.left, found.right) + allowed;
    // An excluded kink has no error; any other is as wrong as it is far from the nearer slope.
    const bool near_left = std::abs(e.analytic - found.left) < std::abs(e.analytic - found.right);
    e.numeric = kink.excluded ? e.analytic : near_left ? found.left : found.right;
    result.kinks.push_back(kink);
  }
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
  GradcheckReport report;
  report.step = options.step > 0 ? options.step : single ? 3e-2 : 1e-3;
  report.tolerance = options.tolerance > 0 ? options.tolerance : single ? 2e-3 : 1e-8;
  const double smallest_step = report.step / (single ? 4 : 1024);  // below it, rounding rules

  const Run run = run_backward(fn, leaves, options.seed);
  report.problem = find_problem(run, run_backward(fn, leaves, options.seed));
  if (!report.problem.empty()) return report;

  const Differences differences(fn, leaves, random_cotangent(run.value, options.seed).to_doubles(),
                                run.value.to_doubles());
  std::vector<std::vector<GradcheckElement>> elements(leaves.size());
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
      elements[i].push_back(
          {index, analytic[index], differences.slopes(i, index, report.step).central, report.step});
    input.checked = static_cast<int64_t>(elements[i].size());
  }

  report.passed = true;
  for (size_t i = 0; i < leaves.size(); ++i) {
    GradcheckInput& input = report.inputs[i];
    const double scale = std::max({input.max_gradient, 1e-3 * largest, 1e-12});
    if (std::isfinite(scale))
      settle(input, elements[i], differences, i, report.tolerance * scale, smallest_step);
    for (const GradcheckElement& e : elements[i])
      if (input.worst.index < 0 || e.error() > input.worst.error()) input.worst = e;
    input.max_error = input.worst.error();
    input.scaled_error = std::isinf(input.max_error) ? kInfinity : input.max_error / scale;
    input.passed = input.scaled_error <= report.tolerance;
    report.passed = report.passed && input.passed;
  }
  return report;
}

}  // namespace pixelgrad

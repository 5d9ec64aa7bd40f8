#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "tensor/check.h"

namespace pixelgrad {
namespace {

constexpr int64_t max_steps = int64_t{1} << 53;  // whole numbers that a double holds exactly
constexpr double any = std::numeric_limits<double>::max();

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

/// Half a cosine wave from `from` at 0 to `to` at 1.
double cosine(double from, double to, double at) {
  return to + (from - to) / 2 * (1 + std::cos(std::numbers::pi * at));
}

// rate(decay, lr, i, T): the decay's own learning rate at step i of T, 0 <= i <= T.

double rate(const ConstantRate&, double lr, double, double) { return lr; }

double rate(const PolyDecay& d, double lr, double i, double total) {
  return d.min_lr + (lr - d.min_lr) * std::pow(1 - i / total, d.power);
}

double rate(const StepDecay& d, double lr, double i, double) {
  const auto step = static_cast<int64_t>(i);
  const auto passed =
      std::upper_bound(d.milestones.begin(), d.milestones.end(), step) - d.milestones.begin();
  const int64_t periods = d.every > 0 ? step / d.every : 0;
  return lr * std::pow(d.gamma, static_cast<double>(periods + passed));
}

double rate(const CosineDecay& d, double lr, double i, double total) {
  return cosine(lr, d.min_lr, i / total);
}

double rate(const OneCycle& d, double lr, double i, double total) {
  const double start = lr / d.div_factor, last = total - 1;
  const double top = d.pct_start * total - 1;  // may lie between two steps, as in PyTorch
  if (i < top) return cosine(start, lr, i / top);
  if (top >= last) return lr;
  return cosine(lr, start / d.final_div_factor,
                std::min(1.0, (i - std::max(top, 0.0)) / (last - std::max(top, 0.0))));
}

void check_range(const char* field, double value, double low, double high) {
  check<UsageError>(value >= low && value <= high, "[schedule] ", field, " is ", value,
                    ", expected ", low, " to ", high);
}

void validate(const Schedule& s) {
  check_range("lr", s.lr, 0, any);
  check_range("total_steps", static_cast<double>(s.total_steps), 1, max_steps);
  check_range("warmup_steps", static_cast<double>(s.warmup_steps), 0,
              static_cast<double>(s.total_steps));
  check_range("warmup_start", s.warmup_start, 0, 1);
  std::visit(Overloaded{[](const ConstantRate&) {},
                        [](const PolyDecay& d) {
                          check_range("power", d.power, 0, any);
                          check_range("min_lr", d.min_lr, 0, any);
                        },
                        [](const StepDecay& d) {
                          check_range("every", static_cast<double>(d.every), 0, max_steps);
                          check_range("gamma", d.gamma, 0, any);
                          check<UsageError>(
                              std::is_sorted(d.milestones.begin(), d.milestones.end()),
                              "[schedule] milestones fall, expected rising steps");
                        },
                        [](const CosineDecay& d) { check_range("min_lr", d.min_lr, 0, any); },
                        [](const OneCycle& d) {
                          check_range("pct_start", d.pct_start, 0, 1);
                          check_range("div_factor", d.div_factor, 1, any);
                          check_range("final_div_factor", d.final_div_factor, 1, any);
                        }},
             s.decay);
}

}  // namespace

double Schedule::operator()(int64_t step) const {
  validate(*this);
  check<UsageError>(step >= 0, "[schedule] step is ", step, ", expected 0 or more");
  const auto decayed = [&](int64_t i) {
    const int64_t steps = std::max<int64_t>(1, total_steps - warmup_steps);
    return std::visit(
        [&](const auto& d) {
          return rate(d, lr, static_cast<double>(std::min(i, steps)), static_cast<double>(steps));
        },
        decay);
  };
  if (step >= warmup_steps) return decayed(step - warmup_steps);
  const double done = static_cast<double>(step) / static_cast<double>(warmup_steps);
  return decayed(0) * (warmup_start + (1 - warmup_start) * done);
}

const std::vector<std::string>& Schedule::names() {
  static const std::vector<std::string> all{"constant", "poly", "step", "cosine", "one_cycle"};
  return all;
}

std::string Schedule::name() const { return names()[decay.index()]; }

OptionMap Schedule::options() const {
  OptionMap out{{"name", name()},
                {"lr", to_text(lr)},
                {"total_steps", std::to_string(total_steps)},
                {"warmup_steps", std::to_string(warmup_steps)},
                {"warmup_start", to_text(warmup_start)}};
  std::visit(Overloaded{[](const ConstantRate&) {},
                        [&](const PolyDecay& d) {
                          out["power"] = to_text(d.power);
                          out["min_lr"] = to_text(d.min_lr);
                        },
                        [&](const StepDecay& d) {
                          std::string list;
                          for (const int64_t m : d.milestones)
                            list += (list.empty() ? "" : ",") + std::to_string(m);
                          out["every"] = std::to_string(d.every);
                          out["milestones"] = list;
                          out["gamma"] = to_text(d.gamma);
                        },
                        [&](const CosineDecay& d) { out["min_lr"] = to_text(d.min_lr); },
                        [&](const OneCycle& d) {
                          out["pct_start"] = to_text(d.pct_start);
                          out["div_factor"] = to_text(d.div_factor);
                          out["final_div_factor"] = to_text(d.final_div_factor);
                        }},
             decay);
  return out;
}

Schedule Schedule::parse(const OptionMap& options) {
  const std::string name = OptionReader("schedule", options).choice("name", "constant", names());
  OptionReader read("schedule " + name, options);
  read.choice("name", "constant", names());
  Schedule s;
  s.lr = read.number("lr", s.lr, 0, any);
  s.total_steps = read.integer("total_steps", s.total_steps, 1, max_steps);
  s.warmup_steps = read.integer("warmup_steps", s.warmup_steps, 0, s.total_steps);
  s.warmup_start = read.number("warmup_start", s.warmup_start, 0, 1);
  if (name == "poly") {
    PolyDecay d;
    d.power = read.number("power", d.power, 0, any);
    d.min_lr = read.number("min_lr", d.min_lr, 0, any);
    s.decay = d;
  } else if (name == "step") {
    StepDecay d;
    d.every = read.integer("every", d.every, 0, max_steps);
    d.milestones = read.integers("milestones");
    d.gamma = read.number("gamma", d.gamma, 0, any);
    s.decay = d;
  } else if (name == "cosine") {
    CosineDecay d;
    d.min_lr = read.number("min_lr", d.min_lr, 0, any);
    s.decay = d;
  } else if (name == "one_cycle") {
    OneCycle d;
    d.pct_start = read.number("pct_start", d.pct_start, 0, 1);
    d.div_factor = read.number("div_factor", d.div_factor, 1, any);
    d.final_div_factor = read.number("final_div_factor", d.final_div_factor, 1, any);
    s.decay = d;
  }
  read.finish();
  validate(s);
  return s;
}

}  // namespace pixelgrad

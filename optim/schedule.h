#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "tensor/options.h"

namespace pixelgrad {

// The shapes of a learning rate over training. i counts steps from 0, T is their number, lr the
// schedule's learning rate; after the last step a rate stays where it ended.

/// lr throughout.
struct ConstantRate {};

/// min_lr + (lr - min_lr) (1 - i/T)^power: the "poly" policy of DeepLab and PSPNet (Chen et al.,
/// "DeepLab", TPAMI 2018, section 4.1).
struct PolyDecay {
  double power = 0.9;
  double min_lr = 0;
};

/// lr times gamma for every `every` steps gone by (0: never) and for every milestone reached.
struct StepDecay {
  int64_t every = 0;
  std::vector<int64_t> milestones = {};  ///< rising
  double gamma = 0.1;
};

/// min_lr + (lr - min_lr) (1 + cos(pi i/T)) / 2: one period of Loshchilov and Hutter, "SGDR", ICLR
/// 2017.
struct CosineDecay {
  double min_lr = 0;
};

/// Smith and Topin, "Super-convergence", 2018, as PyTorch's OneCycleLR with cosine annealing: from
/// lr / div_factor up to lr during the first pct_start of the steps, then down to
/// lr / div_factor / final_div_factor at the last one. Momentum is left alone.
struct OneCycle {
  double pct_start = 0.3;
  double div_factor = 25;
  double final_div_factor = 1e4;
};

/// The learning rate as a pure function of the step: a resumed run needs the step and nothing else.
///
///   const Schedule schedule{.lr = 0.01, .total_steps = 40000, .decay = PolyDecay{}};
///   optimizer.step(schedule(step), model.gradients());
///
/// With warm-up the first warmup_steps rise in a straight line from warmup_start times the decay's
/// first rate, and the decay then has the other total_steps - warmup_steps to itself, its steps and
/// milestones counted from there (PyTorch's SequentialLR of LinearLR and the decay).
struct Schedule {
  double lr = 0.01;
  int64_t total_steps = 1;
  int64_t warmup_steps = 0;
  double warmup_start = 0.1;
  std::variant<ConstantRate, PolyDecay, StepDecay, CosineDecay, OneCycle> decay = ConstantRate{};

  /// The learning rate of a step from 0 on. Throws UsageError when a field is out of range.
  double operator()(int64_t step) const;

  /// constant, poly, step, cosine or one_cycle.
  std::string name() const;

  /// All fields as text, {"name": "poly", "lr": "0.01", ...}; parse() reads them back exactly.
  OptionMap options() const;

  /// A schedule from text; what is left out has its default. Throws UsageError that names an
  /// unknown schedule, option or value and lists the valid ones.
  static Schedule parse(const OptionMap& options);

  /// The names that parse() knows.
  static const std::vector<std::string>& names();
};

}  // namespace pixelgrad

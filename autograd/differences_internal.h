#pragma once
#include <cstdint>
#include <vector>

#include "autograd/gradcheck.h"

// Numeric derivatives of L = <cotangent, fn(inputs)> along one element of an input.
namespace pixelgrad {

double get_element(const Tensor& x, int64_t index);
void set_element(Tensor& x, int64_t index, double value);

/// One input with one element moved; puts the element back when it dies, also by an exception.
class Nudge {
 public:
  Nudge(const Tensor& x, int64_t index)
      : x_(x), host_(x.to(Device::cpu)), index_(index), original_(get_element(host_, index)) {}
  ~Nudge() { move_to(original_); }
  Nudge(const Nudge&) = delete;
  Nudge& operator=(const Nudge&) = delete;

  /// Moves the element by `offset` from where it was.
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

  Slopes slopes(size_t input, int64_t index, double s) const;

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
               double smallest, double allowed);

}  // namespace pixelgrad

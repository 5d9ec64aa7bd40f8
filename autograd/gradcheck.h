#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace pixelgrad {

/// A function of tensors whose backward is checked. It must give the same value whenever its inputs
/// hold the same values: an op with state gets a fresh copy of it in every call.
using DifferentiableFn = std::function<Tensor(const std::vector<Tensor>&)>;

struct GradcheckOptions {
  double step = 0;                 ///< h of the differences; 0 means 2^-10 in f64 and 2^-5 in f32
  double tolerance = 0;            ///< on the scaled error; 0 means 1e-8 in f64 and 2e-3 in f32
  int64_t check_all_up_to = 4096;  ///< every element of an input that has no more than these
  int64_t samples = 256;           ///< elements of a larger input, one from each of as many strata
  uint64_t seed = 0;               ///< of the cotangent and of the sampled elements
  std::vector<std::string> names = {};  ///< of the inputs, for the report; empty: their positions
  /// f32 with inputs of f64: backward runs on the inputs as f32 while the differences are those of
  /// f64, which resolves single precision far better than differences in f32; `tolerance` 0 then
  /// means 1e-4. `fn` must work for both.
  Dtype backward_dtype = Dtype::f64;
};

/// One element of an input: what backward() gave and what the differences gave.
struct GradcheckElement {
  int64_t index = -1;  ///< in memory order; -1 when no element was checked
  double analytic = 0, numeric = 0;
  double step = 0;  ///< of the differences behind `numeric`

  /// The function bends here: its slopes to the left and to the right differ however small the
  /// step. Any value between them is a legitimate (sub)gradient, so a kink has no error when, and
  /// only when, the analytic value lies between them; else `numeric` is the nearer slope.
  bool kink = false;
  double left = 0, right = 0;  ///< the slopes at a kink
  bool excluded = false;       ///< a kink with the analytic value between its slopes

  /// |analytic - numeric|; infinite where one is NaN, and 0 for an excluded kink.
  double error() const;
};

/// What was found out about one input.
struct GradcheckInput {
  std::string name;
  Shape shape;
  std::vector<GradcheckElement> elements;  ///< those checked, the largest error first
  int64_t refined = 0;      ///< of them, elements that needed a smaller step (a bend nearby)
  double max_gradient = 0;  ///< max |g| of the analytic gradient, over all elements
  double max_error = 0;     ///< max |analytic - numeric|
  double scaled_error = 0;  ///< max_error / max(max_gradient, 1e-3 of the largest input's, 1e-12)
  bool passed = false;

  /// The element of max_error.
  GradcheckElement worst() const { return elements.empty() ? GradcheckElement{} : elements[0]; }
  std::vector<GradcheckElement> kinks() const;
};

/// What was found out about a function.
struct GradcheckReport {
  std::vector<GradcheckInput> inputs;
  double step = 0, tolerance = 0;
  std::string problem;  ///< why nothing was compared: not repeatable, no graph; empty otherwise
  bool passed = false;

  /// Largest scaled error of an input; infinite where there is a problem.
  double worst_scaled_error() const;
  int64_t elements_checked() const;
  int64_t kinks_excluded() const;
  /// A text table: a line an input with its worst element, then the next worst of an input that
  /// failed, `elements` of each in all, then the kinks.
  std::string to_table(int64_t elements = 5) const;
};

/// [n,y,x,c] of the element at `index` in memory order, as text.
std::string element_position(const Shape& shape, int64_t index);

/// `error` with three digits, or as many more as it takes to read the verdict off it: a figure that
/// is over the tolerance never prints as one that is not.
std::string error_text(double error, double tolerance);

/// Compares the gradients that backward() gives for `fn` with differences of its values.
///
/// The function checked is the scalar L = <v, fn(inputs)> for a random cotangent v, whose entries
/// are never near 0, so that no output goes unseen (with v = 1 the gradient of a softmax or a batch
/// norm is 0 for any backward). For each element e of each input
///
///     numeric = (8 (L(e + h) - L(e - h)) - (L(e + 2h) - L(e - 2h))) / 12h,
///
/// whose error is of order h^4: in f64 with h = 2^-10 about 1e-11, so that 1e-8 separates right
/// from wrong. (A power of two, because then x + h is exact for an x of few digits, also where the
/// function rounds to f32.) An element over the tolerance is looked at again with smaller steps: a
/// bend of the function near it (ReLU, max pooling) drops out of reach, a bend at it is reported as
/// a kink. An input passes when
///
///     max |analytic - numeric| / max(max |g| of it, 1e-3 max |g| over all inputs, 1e-12)
///
/// is within the tolerance; the middle term keeps a gradient that is truly zero (a bias before a
/// batch norm) from dividing noise by noise. Forward and backward also run twice, and must give
/// equal bits.
///
/// `inputs` are f64 (or f32, where differences resolve less), on any device. Those that are not
/// leaves become leaves for the check. Elements are nudged in place and put back, so `inputs` may
/// be a module's parameters and `fn` may ignore its argument. Gradients that leaves held are
/// cleared. Throws Error for inputs that are undefined or of an integer type.
GradcheckReport gradcheck(const DifferentiableFn& fn, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options = {});

}  // namespace pixelgrad

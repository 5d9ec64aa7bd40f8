#pragma once
#include "autograd/gradcheck.h"

namespace pixelgrad {

/// The rule that torch.autograd.gradcheck applies when nothing is said: f64, two-point differences,
/// an absolute and a relative tolerance for each entry.
struct JacobianOptions {
  double step = 1e-6;
  double absolute_tolerance = 1e-5;
  double relative_tolerance = 1e-3;
};

/// The entry of the Jacobian that is furthest outside its tolerance, or nearest to it.
struct JacobianReport {
  bool passed = false;
  double worst_ratio = 0;  ///< max |analytic - numeric| / allowed; passed means at most 1
  int64_t entries = 0;
};

/// Compares every entry d y[o] / d x[i] of the Jacobian of `fn` with (y(x + h) - y(x - h)) / 2h:
/// |analytic - numeric| <= absolute + relative |numeric|. Each output element costs a forward and a
/// backward, so this is for small functions. It is here to be compared with: its tolerances let
/// bugs pass that gradcheck() finds, because a gradient smaller than 1e-5 may be anything and a
/// larger one wrong in the third digit. Inputs are f64; conditions and errors as for gradcheck().
JacobianReport gradcheck_jacobian(const DifferentiableFn& fn, const std::vector<Tensor>& inputs,
                                  const JacobianOptions& options = {});

}  // namespace pixelgrad

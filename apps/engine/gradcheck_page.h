#pragma once
#include <string>

#include "autograd/op_cases.h"

namespace pixelgrad {

/// A self-contained HTML page of a gradient check: a row an op, and under it for each tensor of
/// each sample the figures, the worst elements and a heat map of the errors.
std::string gradcheck_page(const GradcheckSummary& summary);

}  // namespace pixelgrad

#include "autograd/gradcheck_jacobian.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/differences_internal.h"
#include "autograd/graph.h"

namespace pixelgrad {
namespace {

/// rows[o][i]: the gradient of output element o, all inputs one after the other.
std::vector<std::vector<double>> analytic_jacobian(const DifferentiableFn& fn,
                                                   const std::vector<Tensor>& leaves,
                                                   int64_t outputs) {
  std::vector<std::vector<double>> rows;
  for (int64_t o = 0; o < outputs; ++o) {
    for (const Tensor& x : leaves) clear_grad(x);
    const Tensor y = fn(leaves);
    Tensor dy = Tensor::zeros(y.shape(), y.dtype());
    set_element(dy, o, 1);
    if (needs_grad(y)) backward(y, dy);
    std::vector<double>& row = rows.emplace_back();
    for (const Tensor& x : leaves) {
      const Tensor g = grad(x);
      const std::vector<double> values =
          g.defined() ? g.to_doubles() : std::vector<double>(static_cast<size_t>(x.numel()));
      row.insert(row.end(), values.begin(), values.end());
      clear_grad(x);
    }
  }
  return rows;
}

}  // namespace

JacobianReport gradcheck_jacobian(const DifferentiableFn& fn, const std::vector<Tensor>& inputs,
                                  const JacobianOptions& options) {
  std::vector<Tensor> leaves;
  for (const Tensor& x : inputs) {
    check(x.defined() && x.dtype() == Dtype::f64 && x.device() == Device::cpu,
          "[gradcheck_jacobian] input ", leaves.size(), " is ",
          x.defined() ? str("of ", x.dtype(), " on ", x.device()) : "undefined",
          ", expected f64 on the CPU");
    leaves.push_back(needs_grad(x) ? x : require_grad(x.detach()));
  }
  const int64_t outputs = fn(leaves).numel();
  const auto rows = analytic_jacobian(fn, leaves, outputs);

  JacobianReport report;
  const NoGrad no_grad;
  size_t column = 0;
  for (const Tensor& x : leaves)
    for (int64_t i = 0; i < x.numel(); ++i, ++column) {
      Nudge element(x, i);
      element.by(options.step);
      const std::vector<double> above = fn(leaves).to_doubles();
      element.by(-options.step);
      const std::vector<double> below = fn(leaves).to_doubles();
      for (size_t o = 0; o < rows.size(); ++o, ++report.entries) {
        const double numeric = (above[o] - below[o]) / (2 * options.step);
        const double error = std::abs(rows[o][column] - numeric);
        const double ratio =
            error / (options.absolute_tolerance + options.relative_tolerance * std::abs(numeric));
        report.worst_ratio = std::isnan(ratio) ? std::numeric_limits<double>::infinity()
                                               : std::max(report.worst_ratio, ratio);
      }
    }
  report.passed = report.worst_ratio <= 1;
  return report;
}

}  // namespace pixelgrad

#include "autograd/op_cases.h"

#include <algorithm>
#include <chrono>

#include "autograd/op_cases/internal.h"

namespace pixelgrad {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

OpCheck check_op(const OpCase& op, GradcheckOptions options, Device device) {
  const auto start = std::chrono::steady_clock::now();
  OpCheck result;
  result.name = op.name;
  result.passed = true;
  options.names = op.inputs;
  for (const OpSample& sample : op.samples) {
    std::vector<Tensor> inputs = sample.inputs(options.seed);
    for (Tensor& x : inputs) x = x.to(device);
    const GradcheckReport report = gradcheck(sample.call, inputs, options);
    result.worst_scaled_error = std::max(result.worst_scaled_error, report.worst_scaled_error());
    result.elements += report.elements_checked();
    result.kinks += report.kinks_excluded();
    if (report.passed) continue;
    result.passed = false;
    result.failures += str(op.name, ", ", sample.name, "\n", report.to_table());
  }
  result.seconds = seconds_since(start);
  return result;
}

}  // namespace

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> all;
    for (auto* family : op_case_families) {
      std::vector<OpCase> some = family();
      std::move(some.begin(), some.end(), std::back_inserter(all));
    }
    return all;
  }();
  return cases;
}

GradcheckSummary run_gradcheck_cases(const std::string& name, const GradcheckOptions& options,
                                     Device device) {
  const auto start = std::chrono::steady_clock::now();
  GradcheckSummary summary;
  summary.passed = true;
  std::string known;
  for (const OpCase& op : op_cases()) {
    known += (known.empty() ? "" : ", ") + op.name;
    if (!name.empty() && name != op.name) continue;
    summary.ops.push_back(check_op(op, options, device));
    summary.passed = summary.passed && summary.ops.back().passed;
  }
  check<UsageError>(!summary.ops.empty(), "[gradcheck] no op is called '", name,
                    "', expected one of ", known);
  summary.seconds = seconds_since(start);
  return summary;
}

}  // namespace pixelgrad

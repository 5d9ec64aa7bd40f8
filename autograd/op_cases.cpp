#include "autograd/op_cases.h"

#include <algorithm>
#include <chrono>

#include "autograd/op_cases/internal.h"

namespace pixelgrad {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

GradcheckReport check_sample(const OpSample& sample, const GradcheckRequest& request,
                             const std::vector<std::string>& names) {
  GradcheckOptions options = request.options;
  options.names = sample.input_names.empty() ? names : sample.input_names;
  options.backward_dtype = request.dtype;
  std::vector<Tensor> inputs = sample.inputs(options.seed);
  for (Tensor& x : inputs) {
    if (request.dtype == Dtype::f32) x = x.to(Dtype::f32).to(Dtype::f64);  // both see one value
    x = x.to(request.device);
  }
  return gradcheck(sample.call, inputs, options);
}

OpCheck check_op(const OpCase& op, const GradcheckRequest& request) {
  const auto start = std::chrono::steady_clock::now();
  OpCheck result;
  result.name = op.name;
  result.passed = true;
  for (const OpSample& sample : op.samples) {
    if (!request.sample.empty() && request.sample != sample.name) continue;
    if (sample.ill_conditioned && request.dtype == Dtype::f32) continue;
    result.samples.push_back({sample.name, check_sample(sample, request, op.inputs)});
    const GradcheckReport& report = result.samples.back().report;
    result.worst_scaled_error = std::max(result.worst_scaled_error, report.worst_scaled_error());
    result.elements += report.elements_checked();
    result.kinks += report.kinks_excluded();
    result.passed = result.passed && report.passed;
  }
  result.seconds = seconds_since(start);
  return result;
}

/// Throws UsageError, which lists the names, unless `wanted` is empty or among those of `items`.
template <class Items>
void check_known(const char* what, const std::string& wanted, const Items& items) {
  std::string known;
  for (const auto& item : items) {
    if (wanted.empty() || item.name == wanted) return;
    known += (known.empty() ? "" : "; ") + item.name;
  }
  throw UsageError(
      str("[gradcheck] no ", what, " is called '", wanted, "', expected one of: ", known));
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

std::string OpCheck::failures(int64_t elements_shown) const {
  std::string text;
  for (const SampleCheck& sample : samples)
    if (!sample.report.passed)
      text += str(name, ", ", sample.name, "\n", sample.report.to_table(elements_shown));
  return text;
}

GradcheckSummary run_gradcheck_cases(const std::vector<OpCase>& table,
                                     const GradcheckRequest& request,
                                     const std::function<void(const OpCheck&)>& done) {
  check_known("case", request.name, table);
  const auto start = std::chrono::steady_clock::now();
  GradcheckSummary summary;
  summary.passed = true;
  for (const OpCase& op : table) {
    if (!request.name.empty() && request.name != op.name) continue;
    check_known("sample", request.sample, op.samples);
    summary.ops.push_back(check_op(op, request));
    summary.passed = summary.passed && summary.ops.back().passed;
    if (done) done(summary.ops.back());
  }
  summary.seconds = seconds_since(start);
  return summary;
}

}  // namespace pixelgrad

#pragma once
#include <any>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "autograd/gradcheck.h"
#include "tensor/device.h"
#include "tensor/tensor.h"

namespace pixelgrad {

/// One way to call an op, small enough to be differentiated element by element.
struct OpSample {
  std::string name;  ///< what is special: "stride 2, dilation 3"
  /// The inputs that are differentiated, f64 on the CPU, random by the seed. Ops with kinks get
  /// values that keep clear of them.
  std::function<std::vector<Tensor>(uint64_t seed)> inputs;
  /// Calls the op. Labels and running statistics are captured; they follow the dtype and the device
  /// of the inputs, and state is a fresh copy in every call.
  DifferentiableFn call;
  /// What `call` has beside the inputs (a spec, labels), for a second implementation to read.
  std::any arguments = {};
  /// Names of the inputs where they differ from the case's, as the parameters of a module do.
  std::vector<std::string> input_names = {};
  /// The gradient is a difference of much larger numbers, so f32 leaves few digits of it.
  bool ill_conditioned = false;
};

/// One way to call an op that must throw Error.
struct OpError {
  std::string name;
  std::function<void()> call;
  std::string message;  ///< a part of what the error must say
};

/// What is known about an op. The table of these drives the gradient check of the program and the
/// tests that hold every op to the same promises.
struct OpCase {
  std::string name;                 ///< of the function
  std::vector<std::string> inputs;  ///< names, in the order of OpSample::inputs
  bool linear = false;     ///< affine in each input while the others stand: an adjoint test applies
  bool has_kinks = false;  ///< not differentiable everywhere
  /// Bytes that the graph keeps for the backward beyond the op's output, which the caller holds: of
  /// inputs, masks and statistics, for values of `element` bytes.
  std::function<int64_t(const OpSample& sample, const std::vector<Shape>& inputs,
                        const Shape& output, int64_t element)>
      saved_bytes;
  std::vector<OpSample> samples;
  std::vector<OpError> errors;
};

/// Every differentiable op of the library.
const std::vector<OpCase>& op_cases();

/// Which cases to check, and how.
struct GradcheckRequest {
  std::string name = {};    ///< of the op; empty: every one of the table
  std::string sample = {};  ///< of that op; empty: every one
  /// What backward runs in. With f32 the gradients of single precision are held against the
  /// differences in double, and samples marked ill-conditioned are left out.
  Dtype dtype = Dtype::f64;
  Device device = Device::cpu;
  GradcheckOptions options = {};
};

/// The gradient check of one sample.
struct SampleCheck {
  std::string name;
  GradcheckReport report;
};

/// The gradient checks of the samples of one op.
struct OpCheck {
  std::string name;
  bool passed = false;
  double worst_scaled_error = 0;
  int64_t elements = 0;  ///< elements checked
  int64_t kinks = 0;     ///< of them, excluded as kinks
  double seconds = 0;
  std::vector<SampleCheck> samples;

  /// The name and report of each sample that failed; empty when all passed.
  std::string failures(int64_t elements_shown = 5) const;
};

struct GradcheckSummary {
  std::vector<OpCheck> ops;
  bool passed = false;
  double seconds = 0;
};

/// Checks the gradients of the cases that `request` names. Throws UsageError, which lists what
/// there is, when the table has none of that name. `done`, where given, hears of each op as it
/// ends.
GradcheckSummary run_gradcheck_cases(const std::vector<OpCase>& table,
                                     const GradcheckRequest& request = {},
                                     const std::function<void(const OpCheck&)>& done = nullptr);

}  // namespace pixelgrad

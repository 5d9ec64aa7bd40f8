#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tensor/named_tensor.h"

namespace pixelgrad {

/// Moves parameters against their gradients. An optimizer holds handles of the parameters, so it
/// follows what happens to them (a weight file loaded, another device), and the moments it keeps
/// for each, which state() and load_state() carry through a checkpoint bit by bit.
///
///   Sgd optimizer(model.parameters(), {.momentum = 0.9, .weight_decay = 1e-4});
///   backward(loss);
///   optimizer.step(schedule(step), model.gradients());
///
/// The learning rate is an argument of each step: it belongs to a Schedule, not to the optimizer.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Factors on the learning rate and on the weight decay of some parameters.
  struct Scale {
    double lr = 1;
    double weight_decay = 1;
  };

  /// Sets the factors of every parameter that `chosen` accepts, and returns how many those are: ten
  /// times the learning rate for a fresh head, no decay for vectors (biases, batch norm). Factors
  /// are configuration, not state: set them again after a restart.
  size_t scale(const std::function<bool(const NamedTensor&)>& chosen, Scale factors);

  /// One update with learning rate `lr`. gradients[i] belongs to params()[i] and has its shape,
  /// dtype and device; where it is undefined, the parameter and its moments are left alone. Throws
  /// Error that names the parameter when a gradient does not fit. Where `halted` is given, an i32
  /// [] on the parameters' device, and not 0 there, parameters and moments stay as they are.
  void step(double lr, std::span<const Tensor> gradients, const Tensor& halted = {});

  /// The parameters, in the order of the gradients.
  const std::vector<NamedTensor>& params() const { return params_; }

  /// What the next step depends on beside the parameters: for each one that was updated,
  /// "<parameter>.step" (how often, an i64 scalar) and "<parameter>.<moment>", with PyTorch's names
  /// of moments. Copies: later steps do not change them.
  std::vector<NamedTensor> state() const;

  /// Takes over what state() gave. Throws CheckpointError, and changes nothing, when an entry is
  /// unknown, missing, or of another shape or dtype.
  void load_state(const std::vector<NamedTensor>& state);

 protected:
  /// A parameter in one step.
  struct Update {
    Tensor& param;
    const Tensor& grad;
    std::vector<Tensor>& moments;  ///< zeros before the first step
    int64_t step;                  ///< this parameter's, from 1
    double lr;                     ///< factor applied
    double weight_decay;           ///< factor applied
  };

  /// `name` is for messages; `moments` names the tensors of a parameter's shape to be kept for it.
  /// Parameters must be of one floating dtype, on one device, with different names.
  Optimizer(std::string name, std::vector<NamedTensor> params, std::vector<std::string> moments,
            double weight_decay);

  /// Throws UsageError unless low <= value < high: options are checked where they come in.
  void check_option(const char* option, double value, double low, double high) const;

 private:
  virtual void apply(std::span<const Update> updates, const int32_t* halted) = 0;

  /// What is kept for one parameter; no moments before its first step.
  struct State {
    int64_t steps = 0;
    std::vector<Tensor> moments;
  };

  std::string name_;
  std::vector<NamedTensor> params_;
  std::vector<std::string> moment_names_;
  double weight_decay_;
  std::vector<Scale> scales_;
  std::vector<State> states_;
};

}  // namespace pixelgrad

#pragma once
#include "optim/optimizer.h"

namespace pixelgrad {

struct AdamOptions {
  double beta1 = 0.9;       ///< decay of the mean of the gradients
  double beta2 = 0.999;     ///< decay of the mean of their squares
  double eps = 1e-8;        ///< added to the root after its bias correction
  double weight_decay = 0;  ///< Adam: L2, added to the gradient. AdamW: decoupled
};

/// Adam (Kingma and Ba, ICLR 2015) as in PyTorch, where t counts the parameter's steps from 1:
///   g = gradient + weight_decay p;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
///   p -= lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps).
/// State per parameter: exp_avg (m), exp_avg_sq (v).
class Adam : public Optimizer {
 public:
  explicit Adam(std::vector<NamedTensor> params, AdamOptions options = {})
      : Adam("adam", std::move(params), options, false) {}

 protected:
  Adam(std::string name, std::vector<NamedTensor> params, AdamOptions options, bool decoupled);

 private:
  void apply(std::span<const Update> updates, const int32_t* halted) override;
  AdamOptions options_;
  bool decoupled_;
};

/// AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019): Adam whose
/// weight decay leaves the moments alone and shrinks the parameter by lr * weight_decay instead.
class AdamW : public Adam {
 public:
  explicit AdamW(std::vector<NamedTensor> params, AdamOptions options = {.weight_decay = 1e-2})
      : Adam("adamw", std::move(params), options, true) {}
};

}  // namespace pixelgrad

#pragma once
#include "optim/optimizer.h"

namespace pixelgrad {

struct SgdOptions {
  double momentum = 0;
  double weight_decay = 0;  ///< L2: decay * parameter is added to the gradient
  double dampening = 0;   ///< the velocity takes (1 - dampening) * gradient from its second step on
  bool nesterov = false;  ///< needs momentum > 0 and dampening 0
};

/// Stochastic gradient descent with momentum, as in PyTorch:
///   g = gradient + weight_decay p;  v = momentum v + (1 - dampening) g, at first v = g;
///   p -= lr v, with nesterov p -= lr (g + momentum v).
/// State per parameter: momentum_buffer, where momentum > 0.
class Sgd : public Optimizer {
 public:
  explicit Sgd(std::vector<NamedTensor> params, SgdOptions options = {});

 private:
  void apply(std::span<const Update> updates, const int32_t* halted) override;
  SgdOptions options_;
};

}  // namespace pixelgrad

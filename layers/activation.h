#pragma once
#include "autograd/ops/activation.h"
#include "layers/layer.h"

// Activations as layers, for a Sequential; elsewhere call the functions, whose formulas are in
// autograd/ops/activation.h. Constants are checked when the layer is made.
namespace pixelgrad {

/// max(x, 0)
class ReLU : public Layer {
 public:
  Tensor forward(const Tensor& x) override { return relu(x); }
  std::string describe() const override { return "ReLU"; }
};

/// x where x > 0, else slope * x; slope >= 0
class LeakyReLU : public Layer {
 public:
  explicit LeakyReLU(double slope = 0.01) : slope_(slope) {
    check<UsageError>(slope >= 0, "[leaky_relu] slope is ", slope, ", expected at least 0");
  }
  Tensor forward(const Tensor& x) override { return leaky_relu(x, slope_); }
  std::string describe() const override { return str("LeakyReLU(", slope_, ")"); }

 private:
  double slope_;
};

/// x where x > 0, else alpha (exp(x) - 1); alpha >= 0
class ELU : public Layer {
 public:
  explicit ELU(double alpha = 1) : alpha_(alpha) {
    check<UsageError>(alpha >= 0, "[elu] alpha is ", alpha, ", expected at least 0");
  }
  Tensor forward(const Tensor& x) override { return elu(x, alpha_); }
  std::string describe() const override { return str("ELU(", alpha_, ")"); }

 private:
  double alpha_;
};

/// x Phi(x)
class GELU : public Layer {
 public:
  explicit GELU(GeluMode mode = GeluMode::exact) : mode_(mode) {}
  Tensor forward(const Tensor& x) override { return gelu(x, mode_); }
  std::string describe() const override {
    return mode_ == GeluMode::exact ? "GELU" : "GELU(tanh approximation)";
  }

 private:
  GeluMode mode_;
};

/// x sigmoid(x)
class SiLU : public Layer {
 public:
  Tensor forward(const Tensor& x) override { return silu(x); }
  std::string describe() const override { return "SiLU"; }
};

/// x min(max(x + 3, 0), 6) / 6
class HardSwish : public Layer {
 public:
  Tensor forward(const Tensor& x) override { return hard_swish(x); }
  std::string describe() const override { return "HardSwish"; }
};

/// 1 / (1 + exp(-x))
class Sigmoid : public Layer {
 public:
  Tensor forward(const Tensor& x) override { return sigmoid(x); }
  std::string describe() const override { return "Sigmoid"; }
};

class Tanh : public Layer {
 public:
  Tensor forward(const Tensor& x) override { return tanh(x); }
  std::string describe() const override { return "Tanh"; }
};

/// log(1 + exp(beta x)) / beta, and x itself where beta x > threshold; beta > 0
class Softplus : public Layer {
 public:
  explicit Softplus(double beta = 1, double threshold = 20) : beta_(beta), threshold_(threshold) {
    check<UsageError>(beta > 0, "[softplus] beta is ", beta, ", expected more than 0");
  }
  Tensor forward(const Tensor& x) override { return softplus(x, beta_, threshold_); }
  std::string describe() const override {
    return str("Softplus(beta ", beta_, ", threshold ", threshold_, ")");
  }

 private:
  double beta_, threshold_;
};

}  // namespace pixelgrad

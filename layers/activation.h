#pragma once
#include "autograd/ops/activation.h"
#include "layers/layer.h"

// Activations as layers, for a Sequential; elsewhere call the functions.
namespace pixelgrad {

/// max(x, 0)
class ReLU : public Layer {
 public:
  Tensor forward(const Tensor& x) override { return relu(x); }
  std::string describe() const override { return "ReLU"; }
};

/// x where x > 0, else slope * x
class LeakyReLU : public Layer {
 public:
  explicit LeakyReLU(double slope = 0.01) : slope_(slope) {}
  Tensor forward(const Tensor& x) override { return leaky_relu(x, slope_); }
  std::string describe() const override { return str("LeakyReLU(", slope_, ")"); }

 private:
  double slope_;
};

/// 1 / (1 + exp(-x))
class Sigmoid : public Layer {
 public:
  Tensor forward(const Tensor& x) override { return sigmoid(x); }
  std::string describe() const override { return "Sigmoid"; }
};

}  // namespace pixelgrad

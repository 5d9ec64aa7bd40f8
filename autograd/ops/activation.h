#pragma once
#include "autograd/graph.h"

// Activations: functions of each value, of a tensor of any shape. They keep x for the backward
// where nothing else is said.
namespace pixelgrad {

/// One that an op applies in the same pass as what comes before it.
enum class Activation { none, relu };

/// max(x, 0). The gradient at 0 is 0. Keeps its output.
Tensor relu(const Tensor& x);

/// x where x > 0, else slope * x (Maas et al., ICML 2013). Keeps its output, and so needs slope >=
/// 0: only then does the output tell the sign of x.
Tensor leaky_relu(const Tensor& x, double slope = 0.01);

/// x where x > 0, else alpha (exp(x) - 1) (Clevert et al., ICLR 2016). The gradient at 0 is alpha.
/// Keeps its output, and so needs alpha >= 0.
Tensor elu(const Tensor& x, double alpha = 1);

enum class GeluMode {
  exact,              ///< x Phi(x), with the error function
  tanh_approximation  ///< x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
};

/// x Phi(x) with the distribution function Phi of the standard normal (Hendrycks and Gimpel 2016).
Tensor gelu(const Tensor& x, GeluMode mode = GeluMode::exact);

/// x sigmoid(x), also called swish (Elfwing et al. 2018; Ramachandran et al. 2017).
Tensor silu(const Tensor& x);

/// x min(max(x + 3, 0), 6) / 6 (Howard et al., MobileNetV3, ICCV 2019). The gradients at -3 and 3
/// are 0 and 1.
Tensor hard_swish(const Tensor& x);

/// 1 / (1 + exp(-x)), for any x without overflow. Keeps its output.
Tensor sigmoid(const Tensor& x);

/// (exp(x) - exp(-x)) / (exp(x) + exp(-x)). Keeps its output.
Tensor tanh(const Tensor& x);

/// log(1 + exp(beta x)) / beta, a smooth ReLU, for any x without overflow; x itself where beta x >
/// threshold. beta > 0.
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20);

}  // namespace pixelgrad

#include "layers/linear.h"

#include "autograd/ops/matmul.h"

namespace pixelgrad {

Linear::Linear(Options options) : options_(options) {
  const auto& o = options_;
  check<UsageError>(o.in_features >= 1, "[linear] in_features is ", o.in_features,
                    ", expected at least 1");
  check<UsageError>(o.out_features >= 1, "[linear] out_features is ", o.out_features,
                    ", expected at least 1");
  Tensor weight = Tensor::empty({o.out_features, o.in_features}, Dtype::f32);
  initialize_weight(weight, o.init);
  weight_ = param("weight", weight);
  if (!o.bias) return;
  Tensor bias = Tensor::empty({o.out_features}, Dtype::f32);
  initialize_bias(bias, weight.shape(), o.init);
  bias_ = param("bias", bias);
}

Tensor Linear::forward(const Tensor& x) { return linear(x, weight_, bias_); }

std::string Linear::describe() const {
  return str("Linear(", options_.in_features, " -> ", options_.out_features,
             options_.bias ? ")" : ", no bias)");
}

}  // namespace pixelgrad

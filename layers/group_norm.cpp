#include "layers/group_norm.h"

#include <algorithm>
#include <utility>

#include "autograd/ops/group_norm.h"

namespace pixelgrad {
namespace {

void check_eps(const char* layer, double eps) {
  check<UsageError>(eps >= 0, "[", layer, "] eps is ", eps, ", expected 0 or more");
}

void check_channels(const char* layer, int64_t channels) {
  check<UsageError>(channels >= 1, "[", layer, "] channels is ", channels, ", expected at least 1");
}

Tensor ones(const Shape& shape) { return Tensor::full(shape, 1, Dtype::f32); }
Tensor zeros(const Shape& shape) { return Tensor::zeros(shape, Dtype::f32); }

}  // namespace

GroupNorm::GroupNorm(Options options) : options_(options) {
  const auto& o = options_;
  check_channels("group_norm", o.channels);
  check<UsageError>(o.groups >= 1 && o.channels % o.groups == 0, "[group_norm] ", o.groups,
                    " groups do not divide ", o.channels, " channels");
  check_eps("group_norm", o.eps);
  if (!o.affine) return;
  weight_ = param("weight", ones({o.channels}));
  bias_ = param("bias", zeros({o.channels}));
}

Tensor GroupNorm::forward(const Tensor& x) {
  return group_norm(x, weight_, bias_, {.groups = options_.groups, .eps = options_.eps});
}

std::string GroupNorm::describe() const {
  return str("GroupNorm(", options_.groups, " groups, ", options_.channels, ")");
}

InstanceNorm2d::InstanceNorm2d(Options options) : options_(options) {
  check_channels("instance_norm", options_.channels);
  check_eps("instance_norm", options_.eps);
  if (!options_.affine) return;
  weight_ = param("weight", ones({options_.channels}));
  bias_ = param("bias", zeros({options_.channels}));
}

Tensor InstanceNorm2d::forward(const Tensor& x) {
  return instance_norm(x, weight_, bias_, {.eps = options_.eps});
}

std::string InstanceNorm2d::describe() const {
  return str("InstanceNorm2d(", options_.channels, ")");
}

LayerNorm::LayerNorm(Options options) : options_(std::move(options)) {
  const Shape& shape = options_.shape;
  check<UsageError>(!shape.empty() && *std::min_element(shape.begin(), shape.end()) >= 1,
                    "[layer_norm] shape is ", shape, ", expected sizes of at least 1");
  check_eps("layer_norm", options_.eps);
  if (!options_.affine) return;
  weight_ = param("weight", ones(shape));
  bias_ = param("bias", zeros(shape));
}

Tensor LayerNorm::forward(const Tensor& x) {
  const Shape& shape = options_.shape;
  const auto dims = static_cast<int64_t>(shape.size());
  check(x.dims() >= dims && std::equal(shape.begin(), shape.end(), x.shape().end() - dims),
        "[layer_norm] input is ", x.shape(), ", expected the last dimensions ", shape);
  return layer_norm(x, weight_, bias_, {.dims = dims, .eps = options_.eps});
}

std::string LayerNorm::describe() const { return str("LayerNorm(", options_.shape, ")"); }

}  // namespace pixelgrad

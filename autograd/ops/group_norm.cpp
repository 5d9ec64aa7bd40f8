#include "autograd/ops/group_norm.h"

#include "autograd/ops/checks_internal.h"
#include "autograd/ops/norm_internal.h"

namespace pixelgrad {
namespace {

Tensor normalize_groups(const char* op, const kernels::NormGeometry& g, const Tensor& x,
                        const Tensor& gamma, const Tensor& beta, const Shape& affine, double eps) {
  check_norm_argument(op, "gamma", gamma, affine, x);
  check_norm_argument(op, "beta", beta, affine, x);
  check(eps >= 0, "[", op, "] eps is ", eps, ", expected at least 0");
  return normalize(op, {.g = g, .statistics = norm_statistics(g, x), .eps = eps},
                   {.x = x, .gamma = gamma, .beta = beta});
}

void check_samples(const char* op, const Tensor& x) {
  check_floating(op, "input", x);
  check(x.dims() >= 2 && x.numel() > 0, "[", op, "] input is ", x.shape(),
        ", expected [N,...,C] and at least one value");
}

}  // namespace

Tensor group_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                  const GroupNormSpec& spec) {
  check_samples("group_norm", x);
  const int64_t n = x.shape(0), channels = x.shape(-1);
  check(spec.groups >= 1 && channels % spec.groups == 0, "[group_norm] ", spec.groups,
        " groups do not divide ", channels, " channels (input ", x.shape(), ")");
  return normalize_groups("group_norm",
                          {.samples = n,
                           .positions = x.numel() / (n * channels),
                           .groups = spec.groups,
                           .group_size = channels / spec.groups},
                          x, gamma, beta, {channels}, spec.eps);
}

Tensor instance_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                     const InstanceNormSpec& spec) {
  check_samples("instance_norm", x);
  const int64_t n = x.shape(0), channels = x.shape(-1);
  return normalize_groups(
      "instance_norm", {.samples = n, .positions = x.numel() / (n * channels), .groups = channels},
      x, gamma, beta, {channels}, spec.eps);
}

Tensor layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                  const LayerNormSpec& spec) {
  check_floating("layer_norm", "input", x);
  check(x.numel() > 0, "[layer_norm] input is ", x.shape(), ", expected at least one value");
  check(spec.dims >= 1 && spec.dims <= x.dims(), "[layer_norm] dims is ", spec.dims,
        ", expected 1 to ", x.dims(), " (input ", x.shape(), ")");
  const Shape last(x.shape().end() - spec.dims, x.shape().end());
  const int64_t values = numel(last);
  return normalize_groups("layer_norm", {.samples = x.numel() / values, .group_size = values}, x,
                          gamma, beta, last, spec.eps);
}

}  // namespace pixelgrad

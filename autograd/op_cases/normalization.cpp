// batch_norm.
#include "autograd/op_cases/families.h"
#include "autograd/ops/batch_norm.h"

namespace pixelgrad {
namespace {

/// x [n,h,w,channels], gamma and beta [channels]. Running statistics are new in every call, because
/// training overwrites them.
OpSample batch_norm_sample(std::string name, Shape x, BatchNormOptions options) {
  const int64_t channels = x.back();
  return {std::move(name), normals({std::move(x), {channels}, {channels}}),
          [options, channels](const std::vector<Tensor>& in) {
            std::vector<double> mean(channels), variance(channels);
            for (int64_t c = 0; c < channels; ++c) {
              mean[c] = 0.1 * static_cast<double>(c) - 0.2;
              variance[c] = 0.5 + 0.3 * static_cast<double>(c % 5);
            }
            return batch_norm(in[0], in[1], in[2], captured(mean, in[0]), captured(variance, in[0]),
                              options);
          }};
}

}  // namespace

std::vector<OpCase> normalization_cases() {
  OpCase op;
  op.name = "batch_norm";
  op.inputs = {"x", "gamma", "beta"};
  op.samples = {
      batch_norm_sample("two pixels, 1 channel", {1, 1, 2, 1}, {.training = true}),
      batch_norm_sample("training, 3 channels", {2, 3, 5, 3}, {.training = true}),
      batch_norm_sample("training, 17 channels", {2, 3, 3, 17}, {.training = true}),
      batch_norm_sample("training, large eps", {2, 3, 3, 2}, {.eps = 0.1, .training = true}),
      batch_norm_sample("evaluation", {2, 3, 5, 3}, {.training = false}),
      batch_norm_sample("evaluation, one pixel", {1, 1, 1, 17}, {.training = false}),
      batch_norm_sample("several tiles", {2, 23, 25, 17}, {.training = true}),
  };
  const auto call = [](Shape x, int64_t gamma, int64_t beta, int64_t statistics) {
    return [=] {
      batch_norm(zeros(x), zeros({gamma}), zeros({beta}), zeros({statistics}), zeros({statistics}),
                 {.training = true});
    };
  };
  op.errors = {
      {"gamma of another size", call({2, 4, 4, 3}, 4, 3, 3), "gamma"},
      {"beta of another size", call({2, 4, 4, 3}, 3, 2, 3), "beta"},
      {"statistics of another size", call({2, 4, 4, 3}, 3, 3, 5), "[5]"},
      {"one value a channel has no variance", call({1, 1, 1, 3}, 3, 3, 3), "[1,1,1,3]"},
  };
  return {op};
}

}  // namespace pixelgrad

// batch_norm.
#include "autograd/op_cases/internal.h"
#include "autograd/ops/batch_norm.h"

namespace pixelgrad {
namespace {

/// x [n,h,w,channels], gamma and beta [channels]. Running statistics are new in every call, because
/// training overwrites them.
OpSample batch_norm_sample(std::string name, Shape x, BatchNormSpec spec) {
  const int64_t channels = x.back();
  return {std::move(name), normals({std::move(x), {channels}, {channels}}),
          [spec, channels](const std::vector<Tensor>& in) {
            std::vector<double> mean(channels), variance(channels);
            for (int64_t c = 0; c < channels; ++c) {
              mean[c] = 0.1 * static_cast<double>(c) - 0.2;
              variance[c] = 0.5 + 0.3 * static_cast<double>(c % 5);
            }
            return batch_norm(in[0], in[1], in[2], captured(mean, in[0]), captured(variance, in[0]),
                              spec);
          }};
}

}  // namespace

std::vector<OpCase> normalization_cases() {
  OpCase op;
  op.name = "batch_norm";
  op.inputs = {"x", "gamma", "beta"};
  op.samples = {
      batch_norm_sample("two pixels, 1 channel", {1, 1, 2, 1}, {.training = true}),
      // A channel of one value has variance 0: y is beta, and x gets no gradient.
      batch_norm_sample("training, one pixel", {1, 1, 1, 3}, {.training = true}),
      batch_norm_sample("training, 3 channels", {2, 3, 5, 3}, {.training = true}),
      batch_norm_sample("training, 17 channels", {2, 3, 3, 17}, {.training = true}),
      batch_norm_sample("training, large eps", {2, 3, 3, 2}, {.eps = 0.1, .training = true}),
      batch_norm_sample("evaluation", {2, 3, 5, 3}, {.training = false}),
      batch_norm_sample("evaluation, one pixel", {1, 1, 1, 17}, {.training = false}),
      batch_norm_sample("several tiles", {2, 33, 35, 17}, {.training = true}),
  };
  op.samples.push_back(
      {"no gamma, beta or statistics", normals({{2, 3, 4, 3}}), [](const std::vector<Tensor>& in) {
         return batch_norm(in[0], Tensor(), Tensor(), Tensor(), Tensor(), {});
       }});
  // But for eps, y does not depend on x where a channel has one value or two.
  op.samples[0].ill_conditioned = op.samples[1].ill_conditioned = true;
  const auto call = [](Shape x, int64_t gamma, int64_t beta, int64_t statistics) {
    return [=] {
      batch_norm(zeros(x), zeros({gamma}), zeros({beta}), zeros({statistics}), zeros({statistics}),
                 {.training = true});
    };
  };
  op.errors = {
      {"gamma of another size", call({2, 4, 4, 3}, 4, 3, 3),
       "[batch_norm] gamma is [4], expected [3]"},
      {"beta of another size", call({2, 4, 4, 3}, 3, 2, 3),
       "[batch_norm] beta is [2], expected [3]"},
      {"statistics of another size", call({2, 4, 4, 3}, 3, 3, 5), "running_mean is [5]"},
      {"no values", call({0, 4, 4, 3}, 3, 3, 3), "[0,4,4,3]"},
      {"evaluation without statistics",
       [] {
         batch_norm(zeros({1, 2, 2, 3}), zeros({3}), zeros({3}), Tensor(), Tensor(),
                    {.training = false});
       },
       "evaluation needs running_mean"},
  };
  return {op};
}

}  // namespace pixelgrad

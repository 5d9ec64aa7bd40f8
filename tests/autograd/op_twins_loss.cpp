#include <cmath>

#include "autograd/ops/batch_norm.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/log_softmax.h"
#include "autograd/ops/mse.h"
#include "tests/autograd/op_twins.h"
#include "tests/reference/naive_batch_norm.h"
#include "tests/reference/naive_loss.h"

namespace pixelgrad {
namespace {

using naive::Array;
using Tensors = std::vector<Tensor>;
using Arrays = std::vector<Array>;

Array scalar(double value) { return Array({}, value); }

/// Positive numbers that depend on the channel: running variances, class weights.
Tensor positive(int64_t channels, Dtype dtype) {
  std::vector<double> values;
  for (int64_t c = 0; c < channels; ++c) values.push_back(0.5 + static_cast<double>(c % 7) / 4);
  return Tensor::from({channels}, values).to(dtype);
}
/// Numbers of both signs: running means.
Tensor centered(int64_t channels, Dtype dtype) {
  std::vector<double> values;
  for (int64_t c = 0; c < channels; ++c) values.push_back(static_cast<double>(c % 5) / 2 - 1);
  return Tensor::from({channels}, values).to(dtype);
}

/// A large offset makes the statistics lose digits unless they are taken with care.
OpTwin batch_norm_twin(const std::string& what, bool training, int64_t channels,
                       int64_t large_channels) {
  return {.name = "batch_norm/" + what,
          .shapes = {{2, 3, 5, channels}, {channels}, {channels}},
          .large_shapes = {{2, 47, 59, large_channels}, {large_channels}, {large_channels}},
          .op =
              [=](const Tensors& x) {
                const int64_t c = x[0].shape(-1);
                return batch_norm(x[0], x[1], x[2], centered(c, x[0].dtype()),
                                  positive(c, x[0].dtype()), {.eps = 1e-2, .training = training});
              },
          .naive =
              [=](const Arrays& x) {
                naive::Statistics s = naive::statistics(x[0]);
                if (!training)
                  s = {centered(x[0].channels(), Dtype::f64).to_doubles(),
                       positive(x[0].channels(), Dtype::f64).to_doubles()};
                return naive::batch_norm(x[0], s, x[1].values, x[2].values, 1e-2);
              },
          .keeps = [](const auto& in,
                      const Shape&) { return 4 * numel(in[0]) + (4 + 2 * 8) * numel(in[1]); }};
}

OpTwin batch_norm_without_affine() {
  return {.name = "batch_norm/no gamma, no beta, no running statistics",
          .shapes = {{4, 5}},
          .large_shapes = {{9001, 6}},
          .op = [](const Tensors& x) { return batch_norm(x[0], {}, {}, {}, {}); },
          .naive =
              [](const Arrays& x) {
                const size_t c = static_cast<size_t>(x[0].channels());
                return naive::batch_norm(x[0], naive::statistics(x[0]), std::vector<double>(c, 1),
                                         std::vector<double>(c, 0), 1e-5);
              },
          .keeps = [](const auto& in,
                      const Shape&) { return 4 * numel(in[0]) + 2 * 8 * in[0].back(); }};
}

OpTwin cross_entropy_twin(const std::string& what, int64_t classes, bool weighted, double smoothing,
                          int32_t ignore) {
  return {.name = "cross_entropy/" + what,
          .shapes = {{2, 3, 5, classes}},
          .large_shapes = {{2, 71, 59, classes}},
          .op =
              [=](const Tensors& x) {
                Shape pixels = x[0].shape();
                pixels.pop_back();
                return cross_entropy(
                    x[0], random_labels(pixels, classes, ignore),
                    {.ignore_index = ignore,
                     .class_weights = weighted ? positive(classes, x[0].dtype()) : Tensor(),
                     .label_smoothing = smoothing});
              },
          .naive =
              [=](const Arrays& x) {
                Shape pixels = x[0].shape;
                pixels.pop_back();
                const Tensor labels = random_labels(pixels, classes, ignore);
                return scalar(naive::cross_entropy(
                    x[0], {labels.span<int32_t>().begin(), labels.span<int32_t>().end()}, ignore,
                    weighted ? positive(classes, Dtype::f64).to_doubles()
                             : std::vector<double>(static_cast<size_t>(classes), 1),
                    smoothing));
              },
          .keeps = [](const auto& in, const Shape&) { return 4 * numel(in[0]); }};
}

OpTwin softmax_twin(const std::string& name, int64_t classes, bool logarithm) {
  return {.name = name,
          .shapes = {{3, 5, classes}},
          .large_shapes = {{5, classes > 100 ? 41 : 1501, classes}},
          .op = [=](const Tensors& x) { return logarithm ? log_softmax(x[0]) : softmax(x[0]); },
          .naive =
              [=](const Arrays& x) {
                const Array y = naive::log_softmax(x[0]);
                return logarithm ? y : map(y, [](double v) { return std::exp(v); });
              },
          .keeps = nothing};
}

}  // namespace

std::vector<OpTwin> loss_twins() {
  return {
      batch_norm_twin("training, 3 channels", true, 3, 3),
      batch_norm_twin("training, 32 channels", true, 32, 32),
      batch_norm_twin("training, 17 channels", true, 17, 17),
      batch_norm_twin("evaluation", false, 5, 24),
      batch_norm_without_affine(),
      softmax_twin("log_softmax/2 classes", 2, true),
      softmax_twin("log_softmax/19 classes", 19, true),
      softmax_twin("log_softmax/300 classes", 300, true),
      softmax_twin("softmax/5 classes", 5, false),
      softmax_twin("softmax/34 classes", 34, false),
      cross_entropy_twin("2 classes", 2, false, 0, 255),
      cross_entropy_twin("19 classes", 19, false, 0, 255),
      cross_entropy_twin("weighted", 11, true, 0, -1),
      cross_entropy_twin("smoothed", 5, false, 0.1, 255),
      cross_entropy_twin("weighted and smoothed", 34, true, 0.2, 0),
      {.name = "mse",
       .shapes = {{2, 3, 5, 7}, {2, 3, 5, 7}},
       .large_shapes = {{3, 67, 41, 13}, {3, 67, 41, 13}},
       .op = [](const Tensors& x) { return mse(x[0], x[1]); },
       .naive =
           [](const Arrays& x) {
             return scalar(
                 sum(map(x[0], x[1], [](double a, double b) { return (a - b) * (a - b); })) /
                 static_cast<double>(x[0].values.size()));
           },
       .keeps = [](const auto& in, const Shape&) { return 8 * numel(in[0]); }},
  };
}

}  // namespace pixelgrad

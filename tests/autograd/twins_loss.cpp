#include <cmath>

#include "autograd/op_cases/arguments.h"
#include "autograd/ops/binary_cross_entropy.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/region_loss.h"
#include "tests/autograd/twins.h"
#include "tests/reference/naive_loss.h"
#include "tests/reference/naive_upsample.h"

namespace pixelgrad {
namespace {

using naive::Array;
using Arrays = std::vector<Array>;

Array scalar(double value) { return Array({}, value); }

naive::Labels values_of(const Tensor& labels) {
  const auto values = labels.span<int32_t>();
  return {values.begin(), values.end()};
}

/// A twin of a loss on labels: loss(logits, labels, weights, spec), weights of 1 where none are
/// given.
template <class Spec, class Loss>
Twin on_labels(const Loss& loss) {
  return [loss](const Arrays& in, const std::any& arguments) {
    const auto& a = std::any_cast<const LabelLossArguments<Spec>&>(arguments);
    const naive::Weights ones(static_cast<size_t>(in[0].channels()), 1);
    return scalar(loss(in[0], values_of(a.labels), a.weights.empty() ? ones : a.weights, a.spec));
  };
}

template <class Spec>
naive::Tversky region(const Spec& spec, double alpha, double beta, double gamma) {
  return {.alpha = alpha,
          .beta = beta,
          .gamma = gamma,
          .smooth = spec.smooth,
          .eps = spec.eps,
          .log_loss = spec.log_loss,
          .present_only = spec.mean_over == ClassMean::present};
}

/// Dice and Jaccard loss, by what a false pixel of either kind costs.
Twin region_twin(double cost) {
  return on_labels<RegionLossSpec>([cost](const Array& z, const naive::Labels& labels,
                                          const naive::Weights& w, const RegionLossSpec& spec) {
    return naive::tversky_loss(z, labels, spec.ignore_index, w, region(spec, cost, cost, 1));
  });
}

double mean_of(const Array& x) { return sum(x) / static_cast<double>(x.values.size()); }

Array deep_supervision_twin(const Arrays& in, const std::any& arguments) {
  const auto& a = std::any_cast<const DeepSupervisionArguments&>(arguments);
  double total = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    const Array logits =
        naive::upsample_bilinear(in[i], a.labels.shape(1), a.labels.shape(2), a.align_corners);
    const naive::Weights ones(static_cast<size_t>(logits.channels()), 1);
    total += a.weights[i] * naive::cross_entropy(logits, values_of(a.labels), 255, ones, 0);
  }
  return scalar(total);
}

}  // namespace

Twins loss_twins() {
  using naive::Labels;
  using naive::Weights;
  return {
      {"softmax", [](const Arrays& in, const std::any&) { return naive::softmax(in[0]); }},
      {"log_softmax", [](const Arrays& in, const std::any&) { return naive::log_softmax(in[0]); }},
      {"cross_entropy",
       on_labels<CrossEntropySpec>([](const Array& z, const Labels& labels, const Weights& w,
                                      const CrossEntropySpec& spec) {
         return naive::cross_entropy(z, labels, spec.ignore_index, w, spec.label_smoothing);
       })},
      {"focal_loss", on_labels<FocalLossSpec>([](const Array& z, const Labels& labels,
                                                 const Weights& w, const FocalLossSpec& spec) {
         return naive::focal_loss(z, labels, spec.ignore_index, w, spec.gamma);
       })},
      {"ohem_cross_entropy", on_labels<OhemSpec>([](const Array& z, const Labels& labels,
                                                    const Weights& w, const OhemSpec& spec) {
         const Labels hard =
             naive::hard_labels(z, labels, spec.ignore_index, spec.threshold, spec.min_kept);
         return naive::cross_entropy(z, hard, spec.ignore_index, w, 0);
       })},
      {"binary_cross_entropy_with_logits",
       on_labels<BinaryCrossEntropySpec>([](const Array& z, const Labels& labels, const Weights& w,
                                            const BinaryCrossEntropySpec& spec) {
         return naive::binary_cross_entropy(z, labels, spec.ignore_index, w);
       })},
      {"dice_loss", region_twin(0.5)},
      {"jaccard_loss", region_twin(1)},
      {"tversky_loss",
       on_labels<TverskyLossSpec>(
           [](const Array& z, const Labels& labels, const Weights& w, const TverskyLossSpec& spec) {
             return naive::tversky_loss(z, labels, spec.ignore_index, w,
                                        region(spec, spec.alpha, spec.beta, spec.gamma));
           })},
      {"lovasz_softmax",
       on_labels<LovaszSoftmaxSpec>([](const Array& z, const Labels& labels, const Weights& w,
                                       const LovaszSoftmaxSpec& spec) {
         return naive::lovasz_softmax(z, labels, spec.ignore_index, w,
                                      spec.per_image ? z.size(0) : 1,
                                      spec.mean_over == ClassMean::present);
       })},
      {"mse",
       [](const Arrays& in, const std::any&) {
         return scalar(
             mean_of(map(in[0], in[1], [](double a, double b) { return (a - b) * (a - b); })));
       }},
      {"l1",
       [](const Arrays& in, const std::any&) {
         return scalar(
             mean_of(map(in[0], in[1], [](double a, double b) { return std::abs(a - b); })));
       }},
      {"weighted_sum",
       [](const Arrays& in, const std::any& arguments) {
         const auto& weights = std::any_cast<const WeightedSumArguments&>(arguments).weights;
         Array y(in[0].shape);
         for (size_t i = 0; i < in.size(); ++i)
           y = map(y, in[i], [w = weights[i]](double a, double b) { return a + w * b; });
         return y;
       }},
      {"deep_supervision", deep_supervision_twin},
  };
}

}  // namespace pixelgrad

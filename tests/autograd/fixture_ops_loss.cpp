// Softmax and losses.
#include "autograd/ops/binary_cross_entropy.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/distance_loss.h"
#include "autograd/ops/log_softmax.h"
#include "autograd/ops/region_loss.h"
#include "autograd/ops/weighted_sum.h"
#include "tests/autograd/fixture_ops.h"

namespace pixelgrad {
namespace {

/// What the losses on labels have in common.
template <class Spec>
Spec with_labels(const FixtureCall& call) {
  Spec spec;
  spec.class_weights = call["class_weights"];
  call.attributes.read("ignore_index", spec.ignore_index);
  return spec;
}

Tensor cross_entropy_call(const FixtureCall& call) {
  auto spec = with_labels<CrossEntropySpec>(call);
  call.attributes.read("label_smoothing", spec.label_smoothing);
  return cross_entropy(call["logits"], call["labels"], spec);
}

Tensor focal_call(const FixtureCall& call) {
  auto spec = with_labels<FocalLossSpec>(call);
  call.attributes.read("gamma", spec.gamma);
  return focal_loss(call["logits"], call["labels"], spec);
}

Tensor ohem_call(const FixtureCall& call) {
  auto spec = with_labels<OhemSpec>(call);
  call.attributes.read("threshold", spec.threshold);
  call.attributes.read("min_kept", spec.min_kept);
  return ohem_cross_entropy(call["logits"], call["labels"], spec);
}

Tensor binary_call(const FixtureCall& call) {
  BinaryCrossEntropySpec spec{.pos_weight = call["pos_weight"]};
  call.attributes.read("ignore_index", spec.ignore_index);
  return binary_cross_entropy_with_logits(call["logits"], call["labels"], spec);
}

void read_classes(const FixtureCall& call, ClassMean& mean_over) {
  call.attributes.read_name("mean_over", mean_over,
                            {{"all", ClassMean::all}, {"present", ClassMean::present}});
}

template <class Spec>
Spec region_spec(const FixtureCall& call) {
  auto spec = with_labels<Spec>(call);
  read_classes(call, spec.mean_over);
  call.attributes.read("log_loss", spec.log_loss);
  call.attributes.read("smooth", spec.smooth);
  call.attributes.read("eps", spec.eps);
  return spec;
}

FixtureOp region(Tensor (*loss)(const Tensor&, const Tensor&, const RegionLossSpec&)) {
  return [loss](const FixtureCall& call) {
    return loss(call["logits"], call["labels"], region_spec<RegionLossSpec>(call));
  };
}

Tensor tversky_call(const FixtureCall& call) {
  auto spec = region_spec<TverskyLossSpec>(call);
  call.attributes.read("alpha", spec.alpha);
  call.attributes.read("beta", spec.beta);
  call.attributes.read("gamma", spec.gamma);
  return tversky_loss(call["logits"], call["labels"], spec);
}

Tensor lovasz_call(const FixtureCall& call) {
  auto spec = with_labels<LovaszSoftmaxSpec>(call);
  read_classes(call, spec.mean_over);
  call.attributes.read("per_image", spec.per_image);
  return lovasz_softmax(call["logits"], call["labels"], spec);
}

/// The named inputs, in the order of "weights".
std::vector<Weighted> weighted(const FixtureCall& call, const std::vector<const char*>& names) {
  const auto weights = call.attributes.get<std::vector<double>>("weights");
  std::vector<Weighted> terms;
  for (size_t i = 0; i < weights.size(); ++i) terms.push_back({weights[i], call[names.at(i)]});
  return terms;
}

Tensor weighted_sum_call(const FixtureCall& call) {
  return weighted_sum(weighted(call, {"a", "b", "c"}));
}

Tensor deep_supervision_call(const FixtureCall& call) {
  DeepSupervisionSpec spec;
  call.attributes.read("align_corners", spec.align_corners);
  const LabelLoss loss = [](const Tensor& logits, const Tensor& labels) {
    return cross_entropy(logits, labels);
  };
  return deep_supervision(weighted(call, {"main", "aux"}), call["labels"], loss, spec);
}

}  // namespace

FixtureOps loss_fixture_ops() {
  using Call = const FixtureCall&;
  return {
      {"softmax", [](Call call) { return softmax(call["x"]); }},
      {"log_softmax", [](Call call) { return log_softmax(call["x"]); }},
      {"cross_entropy", cross_entropy_call},
      {"focal_loss", focal_call},
      {"ohem_cross_entropy", ohem_call},
      {"binary_cross_entropy_with_logits", binary_call},
      {"mse", [](Call call) { return mse(call["x"], call["target"]); }},
      {"l1", [](Call call) { return l1(call["x"], call["target"]); }},
      {"weighted_sum", weighted_sum_call},
      {"deep_supervision", deep_supervision_call},
  };
}

FixtureOps region_loss_fixture_ops() {
  return {
      {"dice_loss", region(dice_loss)},
      {"jaccard_loss", region(jaccard_loss)},
      {"tversky_loss", tversky_call},
      {"lovasz_softmax", lovasz_call},
  };
}

}  // namespace pixelgrad
